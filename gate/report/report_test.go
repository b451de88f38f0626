package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

var update = flag.Bool("update", false, "write the golden files")

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, format := range report.Formats() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			write, err := report.Lookup(format)
			require.NoError(t, err)
			var out bytes.Buffer
			require.NoError(t, write(&out, sample(), report.Options{}))
			golden := filepath.Join("testdata", "report."+format)
			if *update {
				require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), out.String())
		})
	}
}

func TestTextFitsItsWidth(t *testing.T) {
	t.Parallel()
	r := sample()
	long := "registry.example.com/" + strings.Repeat("very-long-team-name/", 10) + "app@" + digest("ab")
	r.Results[1].Reference = long
	r.Results[1].Findings = append(r.Results[1].Findings, policy.Finding{Rule: "signature", Outcome: policy.Fail,
		Message: "not signed", Remedy: "sign it: cosign sign registry.example.com/team/app@" + digest("cd") + " and " + strings.Repeat("x", 300)})
	for _, width := range []int{40, 60, 80, 120} {
		var out bytes.Buffer
		require.NoError(t, report.Text(&out, r, report.Options{Width: width, Color: true}))
		assert.Contains(t, strings.Join(strings.Fields(ansi.Strip(out.String())), ""), long, "nothing is left out")
		if width == 80 {
			assert.Contains(t, out.String(), "\n        @"+digest("cd")+"\n", "a digest is broken only where it has to be")
		}
		for l := range strings.Lines(out.String()) {
			assert.LessOrEqual(t, ansi.StringWidth(strings.TrimSuffix(l, "\n")), width, "%q", l)
		}
	}
}

func TestHostileTextCannotDriveTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, report.Text(&out, sample(), report.Options{}))
	assert.NotContains(t, out.String(), "\x1b")
	assert.NotContains(t, out.String(), "\u202e")
	assert.Contains(t, out.String(), `/bin/sh\x1b[2J\u202e`)
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	_, err := report.Lookup("jsn")
	var unknown *report.UnknownFormatError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, `did you mean "json"?`, unknown.Remedy())
}

func FuzzLines(f *testing.F) {
	f.Add("a\x1b]0;title\x07\u2028\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range report.Lines(s) {
			if r != '\n' && (r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == '\u202e') {
				t.Fatalf("%q lets %U through", s, r)
			}
		}
	})
}
