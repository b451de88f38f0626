//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var tablePath = flag.String("e2e-table", "", "write the table of cases into this file")

// scene is a cluster with a gate, and what was seen of them.
type scene struct {
	*testing.T

	cluster *cluster
	gate    *server
	images  *images
	rows    []row
	pods    int
}

// row is one case of the table.
type row struct {
	group, what string
	expected    string
	seen        string
	ok          bool
	took        time.Duration
}

// group runs the cases of one subject, after which the table goes on.
func (s *scene) group(name string, cases func(g *group)) {
	s.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) { cases(&group{T: t, scene: s, name: name}) })
}

// group are the cases of one subject.
type group struct {
	*testing.T

	scene *scene
	name  string
}

// admitted demands that kubectl succeeds, and that it says these words.
func (g *group) admitted(what, stdin string, words []string, args ...string) {
	g.Helper()
	began := time.Now()
	out, err := g.scene.cluster.kubectl(stdin, args...)
	g.note(what, "admitted", out, err == nil && said(out, words), time.Since(began))
}

// refused demands that the API server refuses, with these words as the reason.
func (g *group) refused(what, stdin string, words []string, args ...string) {
	g.Helper()
	began := time.Now()
	out, err := g.scene.cluster.kubectl(stdin, args...)
	ok := err != nil && said(out, words)
	g.note(what, "refused: "+strings.Join(words, ", "), out, ok, time.Since(began))
}

// holds demands that something is so.
func (g *group) holds(what, expected string, err error) {
	g.Helper()
	seen := "so it is"
	if err != nil {
		seen = err.Error()
	}
	g.note(what, expected, seen, err == nil, 0)
}

func (g *group) note(what, expected, seen string, ok bool, took time.Duration) {
	g.Helper()
	g.scene.rows = append(g.scene.rows, row{g.name, what, expected, strings.TrimSpace(seen), ok, took})
	assert.True(g.T, ok, "%s: expected %s, but saw\n%s", what, expected, seen)
}

func said(out string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(out, word) {
			return false
		}
	}
	return true
}

// pod names a new pod.
func (s *scene) pod() string {
	s.pods++
	return fmt.Sprintf("pod-%d", s.pods)
}

// run are the arguments that create a pod of an image.
func (s *scene) run(image string, more ...string) []string {
	return append([]string{"run", s.pod(), "--image=" + image, "--restart=Never"}, more...)
}

// table shows all cases, with the first line of what kubectl said.
func (s *scene) table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	right := 0
	fmt.Fprintln(w, "subject\tcase\texpected\tkubectl\tseen")
	for _, r := range s.rows {
		mark := "WRONG"
		if r.ok {
			mark, right = "ok", right+1
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s %s\n", r.group, r.what, r.expected, r.took.Round(10*time.Millisecond), mark, s.short(r.seen))
	}
	_ = w.Flush()
	fmt.Fprintf(&text, "\n%d of %d cases as expected\n", right, len(s.rows))
	return text.String()
}

// longDigest is more of a digest than the table shows.
var longDigest = regexp.MustCompile(`(sha256:[0-9a-f]{8})[0-9a-f]{56}`)

// short is one line of what was seen, with the registry as people know one.
func (s *scene) short(seen string) string {
	seen = strings.ReplaceAll(strings.Join(strings.Fields(seen), " "), s.images.Host(), "registry")
	seen = longDigest.ReplaceAllString(seen, "$1…")
	seen = strings.TrimPrefix(seen, "Error from server (Forbidden): ")
	const most = 240
	if runes := []rune(seen); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return seen
}

// show prints the table, and writes it where it is wanted.
func (s *scene) show() {
	table := s.table()
	fmt.Print("\n" + table)
	if *tablePath != "" {
		require.NoError(s.T, os.WriteFile(*tablePath, []byte(table), 0o644))
	}
}
