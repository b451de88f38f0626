package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// still is a display whose clock is set by the test, and that draws when it is told.
func still(width, height int) (d *display, w *bytes.Buffer, pass func(time.Duration)) {
	w = &bytes.Buffer{}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	d = &display{rows: map[string]*displayRow{}, now: func() time.Time { return at }, w: w, size: func() (int, int) { return width, height }, stop: make(chan struct{})}
	return d, w, func(by time.Duration) { at = at.Add(by) }
}

func TestDisplayShowsStepsAndBytes(t *testing.T) {
	t.Parallel()
	d, w, pass := still(80, 24)
	d.draw()
	require.Empty(t, w.String(), "nothing is going on")

	d.step(gate.Progress{Reference: "registry.example.com/app:1", Platform: "linux/amd64", Step: policy.StepFiles, Layers: 3, Bytes: 100 << 20})
	d.pulled(image.Progress{Reference: "registry.example.com/app:1", Platform: "linux/amd64", Layer: "sha256:a", Read: 20 << 20})
	d.pulled(image.Progress{Reference: "registry.example.com/app:1", Platform: "linux/amd64", Layer: "sha256:b", Read: 30 << 20})
	d.database(vuln.Progress{Step: vuln.StepUnpack, Done: 5 << 20, Total: -1})
	pass(12 * time.Second)
	d.step(gate.Progress{Reference: "registry.example.com/app:1", Platform: "linux/arm64", Step: policy.StepSBOM})
	pass(3 * time.Second)
	require.Equal(t, []string{
		"….example.com/app:1 linux/amd64  reading layers    [====    ]  50 MiB / 100 MiB",
		"database                         unpack            5.0 MiB",
		"….example.com/app:1 linux/arm64  listing packages  3s",
	}, d.lines(80, 8))
	require.Contains(t, d.lines(120, 8)[0], "[===============               ]  50 MiB / 100 MiB")

	d.draw()
	require.Equal(t, 2, strings.Count(w.String(), "\n"), "the cursor stays in the last line")
	w.Reset()
	d.draw()
	require.Empty(t, w.String(), "nothing has changed")
	pass(time.Second)
	d.draw()
	require.True(t, strings.HasPrefix(w.String(), "\r\x1b[2A"), "%q", w)
	w.Reset()
	require.True(t, d.above("a line"))
	require.Equal(t, "\r\x1b[2A\x1b[Ja line\n", w.String())

	d.step(gate.Progress{Reference: "registry.example.com/app:1", Platform: "linux/amd64", Step: policy.StepFiles, Ended: true})
	require.Len(t, d.lines(80, 8), 2)
}

// Whatever names come from a registry, a row is one line that fits.
func TestDisplayFits(t *testing.T) {
	t.Parallel()
	d, _, _ := still(80, 24)
	for _, name := range []string{strings.Repeat("long/", 100) + "app", "a\x1b[2Jb\nc", "日本語/アプリ", "s"} {
		d.begin(name, "reading layers", 1<<30)
		d.read(name, "sha256:a", 1<<29)
	}
	for width := range 130 {
		for _, line := range d.lines(width, 8) {
			require.LessOrEqual(t, ansi.StringWidth(line), max(width-1, 0), "%q", line)
			require.NotContains(t, line, "\n")
			require.Equal(t, ansi.Strip(line), line, "no sequences")
		}
	}
	require.Contains(t, d.lines(80, 8)[0], "…", "the end of a name says most")
	require.Contains(t, d.lines(80, 8)[0], "/long/app")
	require.Equal(t, []string{"and 3 more"}, d.lines(80, 2)[1:])
}

// Where there is no terminal, long steps have a line each, and one now and then.
func TestPlainProgress(t *testing.T) {
	t.Parallel()
	d, _, pass := still(80, 24)
	var lines []string
	s := &shared{console: console{err: writerFunc(func(p []byte) { lines = append(lines, strings.TrimSuffix(string(p), "\n")) })}}
	d.plain = s.progressf
	d.step(gate.Progress{Reference: "app:1", Step: policy.StepResolve})
	d.step(gate.Progress{Reference: "app:1", Platform: "linux/amd64", Step: policy.StepFiles, Layers: 3, Bytes: 100 << 20})
	for i := range 12 {
		pass(time.Second)
		d.pulled(image.Progress{Reference: "app:1", Platform: "linux/amd64", Layer: "sha256:a", Read: int64(i+1) << 20})
	}
	d.step(gate.Progress{Reference: "app:1", Platform: "linux/amd64", Step: policy.StepSBOM})
	d.begin("host/app:1", "pushing", 0)
	d.pushed(image.Progress{Reference: "host/app:1", Layer: "sha256:a", Read: 1 << 20, Size: 10 << 20})
	pass(interval)
	d.pushed(image.Progress{Reference: "host/app:1", Layer: "sha256:a", Read: 2 << 20, Size: 10 << 20})
	d.database(vuln.Progress{Step: vuln.StepDownload, Done: 1, Total: 10})
	require.Equal(t, []string{
		"app:1 linux/amd64: reading 3 layers, 100 MiB",
		"app:1 linux/amd64: read 10 MiB of 100 MiB",
		"app:1 linux/amd64: listing packages",
		"host/app:1: pushed 2.0 MiB of 10 MiB",
		"database: download",
	}, lines)
}

type writerFunc func([]byte)

func (w writerFunc) Write(p []byte) (int, error) { w(p); return len(p), nil }

// A display that shows nothing can be told everything.
func TestSilentDisplay(t *testing.T) {
	t.Parallel()
	s := &shared{quiet: true}
	d := s.newDisplay()
	d.step(gate.Progress{Reference: "a", Step: policy.StepFiles})
	d.pulled(image.Progress{Reference: "a"})
	d.pushed(image.Progress{Reference: "a"})
	d.database(vuln.Progress{Step: vuln.StepDownload})
	s.closeDisplay(d)
	d.close()
	require.Empty(t, d.order)
}
