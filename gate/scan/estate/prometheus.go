package estate

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/policy"
)

// Prometheus writes the sums in the text format of Prometheus (exposition format
// 0.0.4), for the textfile collector of the node exporter. Series are as many as
// there are rules, not as there are images.
func Prometheus(w io.Writer, s Summary, _ string) error {
	var b bytes.Buffer
	m := metrics{Buffer: &b}
	m.family("imagegate_scan_images", "Images of the estate by verdict.")
	m.value(s.Allowed, "verdict", string(policy.Allow))
	m.value(s.Denied, "verdict", string(policy.Deny))
	m.value(s.Undecided, "verdict", string(policy.NotDecidable))
	m.family("imagegate_scan_digests", "Digests of the estate, each once.")
	m.value(s.Digests)
	m.family("imagegate_scan_references", "Names of the images of the estate.")
	m.value(s.References)
	m.family("imagegate_scan_images_exploited", "Images with a vulnerability that is known to be exploited.")
	m.value(s.Exploited)
	m.family("imagegate_scan_vulnerabilities", "Vulnerabilities over all images by severity.")
	for _, word := range slices.Sorted(maps.Keys(s.Severities)) {
		m.value(s.Severities[word], "severity", word)
	}
	m.family("imagegate_scan_reason_images", "Images that a rule denied or left undecided.")
	for _, r := range s.Reasons {
		m.value(r.Images, "rule", r.Rule, "outcome", string(r.Outcome))
	}
	expired, soon := 0, 0
	for _, e := range s.Exceptions {
		if e.Expired {
			expired++
		}
		if e.Soon {
			soon++
		}
	}
	m.family("imagegate_scan_exceptions", "Exceptions that images rely on, by state.")
	m.value(expired, "state", "expired")
	m.value(soon, "state", "soon")
	m.value(len(s.Exceptions)-expired-soon, "state", "in force")
	m.family("imagegate_scan_pulled_bytes", "Bytes that the scan pulled.")
	m.value(int(s.PulledBytes))
	m.family("imagegate_scan_saved_bytes", "Bytes of layers that the scan did not have to pull.")
	m.value(int(s.SavedBytes))
	m.times(s)
	m.changes(s.Changes)
	_, err := w.Write(b.Bytes())
	return err
}

func (m *metrics) times(s Summary) {
	if s.Images > 0 {
		m.family("imagegate_scan_last_judged_timestamp_seconds", "When the last image was judged.")
		m.value(int(s.To.Unix()))
	}
	if len(s.Databases) > 0 {
		m.family("imagegate_scan_database_built_timestamp_seconds", "When the oldest vulnerability database was built that judged an image.")
		m.value(int(s.Databases[0].Unix()))
	}
}

func (m *metrics) changes(c *Changes) {
	if c == nil {
		return
	}
	m.family("imagegate_scan_changed_references", "Names by how their verdict changed since the baseline.")
	for _, each := range []struct {
		change string
		count  int
	}{{"worse", c.Worse}, {"better", c.Better}, {"new", c.New}, {"gone", c.Gone}, {"same", c.Same}} {
		m.value(each.count, "change", each.change)
	}
}

// metrics writes one family after the other.
type metrics struct {
	*bytes.Buffer
	name string // of the family
}

func (m *metrics) family(name, help string) {
	fmt.Fprintf(m, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	m.name = name
}

// value writes one series; labels are names and values in turn.
func (m *metrics) value(n int, labels ...string) {
	var list []string
	for pair := range slices.Chunk(labels, 2) {
		list = append(list, pair[0]+`="`+label.Replace(line(pair[1]))+`"`)
	}
	series := m.name
	if len(list) > 0 {
		series += "{" + strings.Join(list, ",") + "}"
	}
	fmt.Fprintf(m, "%s %d\n", series, n)
}

// label escapes the value of a label.
var label = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
