package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/imagegate/imagegate/gate/jetstream"
	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

// judgingTime is how long the sleep is that takes the place of judging.
const judgingTime = 5 * time.Millisecond

// told is a line of the process that scans.
type told struct {
	At     time.Duration `json:"at"` // since its start
	Counts scan.Counts   `json:"counts"`
	First  bool          `json:"first,omitempty"` // the first answer that is not from before
}

// scale scans made-up digests in a process that is killed half way, and goes on in
// another.
func scale(ctx context.Context, o options) error {
	state := filepath.Join(o.out, "state")
	before, err := scaleProcess(ctx, o, state, func(t told) bool { return t.Counts.Judged >= o.digests/2 })
	if err != nil {
		return err
	}
	fmt.Printf("%d digests, %d judged at once, %s each\n", o.digests, o.parallel, judgingTime)
	fmt.Printf("killed (-9) with     %d judged after %s: %.0f a second\n", before.last.Counts.Judged, round(before.last.At), rate(before.last))
	fmt.Printf("memory (peak)        %d MiB\n", before.memory>>20)
	size, err := sizeOf(state)
	if err != nil {
		return err
	}
	fmt.Printf("JetStream disk       %d MiB, %d bytes a digest\n", size>>20, size/int64(o.digests))
	after, err := scaleProcess(ctx, o, state, func(told) bool { return false })
	if err != nil {
		return err
	}
	fmt.Printf("resumed              first new answer after %s, all after %s\n", round(after.first), round(after.last.At))
	fmt.Printf("memory (peak)        %d MiB\n", after.memory>>20)
	if size, err = sizeOf(state); err != nil {
		return err
	}
	fmt.Printf("JetStream disk       %d MiB at the end\n", size>>20)
	asked, err := os.ReadFile(askedFile(state))
	if err != nil {
		return err
	}
	fmt.Printf("judged twice         %d, with %d in flight at the kill\n", bytes.Count(asked, []byte{'\n'})-o.digests, o.parallel)
	if after.last.Counts.Judged != o.digests || after.last.Counts.Allowed != o.digests {
		return fmt.Errorf("%d of %d have an answer", after.last.Counts.Judged, o.digests)
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

func rate(t told) float64 { return float64(t.Counts.Judged) / t.At.Seconds() }

// measured is what one process did.
type measured struct {
	last   told
	first  time.Duration
	memory int64 // bytes, the most that was resident
}

// scaleProcess runs the scan until it ends, or until somebody has seen enough.
func scaleProcess(ctx context.Context, o options, state string, enough func(told) bool) (measured, error) {
	cmd := exec.CommandContext(ctx, os.Args[0], "-digests", fmt.Sprint(o.digests), "-parallel", fmt.Sprint(o.parallel), "-out", o.out, "part", "scale", state)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return measured{}, err
	}
	if err := cmd.Start(); err != nil {
		return measured{}, err
	}
	var m measured
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var t told
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return m, err
		}
		if t.First {
			m.first = t.At
			continue
		}
		m.last = t
		if !killed && enough(t) {
			killed = true
			_ = cmd.Process.Signal(syscall.SIGKILL)
		}
	}
	err = cmd.Wait()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.memory = usage.Maxrss << 10
	}
	if killed {
		return m, nil
	}
	return m, err
}

// part is the process of scale.
func part(ctx context.Context, o options, args []string) error {
	if len(args) == 2 && args[0] == "scale" {
		return scalePart(ctx, o, args[1])
	}
	if len(args) == 4 && args[0] == "nats" {
		return natsPart(ctx, o.out, args[1], args[2], args[3])
	}
	return errors.New("which part?")
}

func scalePart(ctx context.Context, o options, state string) error {
	start := time.Now()
	connection, err := jetstream.Embed(ctx, jetstream.Embedding{Folder: state})
	if err != nil {
		return err
	}
	defer connection.Close()
	queue, err := scan.Open(ctx, connection)
	if err != nil {
		return err
	}
	var current *scan.Scan
	var none *scan.UnknownError
	switch id, err := queue.Latest(ctx); {
	case err == nil:
		current, err = queue.Resume(ctx, id, "scale")
		if err != nil {
			return err
		}
	case errors.As(err, &none):
		if current, err = queue.Begin(ctx, scan.Plan{PolicyHash: "scale"}); err != nil {
			return err
		}
	default:
		return err
	}
	asked, err := os.OpenFile(askedFile(state), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer asked.Close()
	show := &teller{start: start}
	working, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_ = scan.NewWorker(queue, sleeper{show, asked}, scan.WorkerOptions{PolicyHash: "scale", Parallel: o.parallel}).Run(working)
	}()
	if _, err := current.Run(ctx, madeUp(o.digests), show); err != nil {
		return err
	}
	return current.Finish(ctx)
}

// madeUp are digests of nothing.
func madeUp(n int) iter.Seq2[scan.Listed, error] {
	return func(yield func(scan.Listed, error) bool) {
		for i := range n {
			l := scan.Listed{Name: fmt.Sprintf("registry.example.com/team-%d/app-%d:v%d", i%100, i/100%100, i/10_000), Digest: fmt.Sprintf("sha256:%064x", i)}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// sleeper takes the place of a gate.
type sleeper struct {
	show  *teller
	asked *os.File // a line for each time that it was asked
}

// askedFile survives the process, whatever ends it.
func askedFile(state string) string { return state + "-asked" }

func (s sleeper) Judge(_ context.Context, u scan.Unit) (estate.Record, bool) {
	s.show.first()
	_, _ = s.asked.WriteString(u.Digest + "\n")
	time.Sleep(judgingTime)
	return estate.Record{
		SchemaVersion: estate.RecordVersion, Scan: u.Scan, References: []string{u.Name}, Digest: u.Digest,
		Verdict: policy.Allow, Stage: policy.StageScan, JudgedAt: time.Now().UTC(),
		Findings: []estate.Finding{{Rule: "vulnerabilities", Outcome: policy.Warn, Message: strings.Repeat("as long as they are in life ", 40)}},
	}, false
}

func sizeOf(folder string) (total int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
