package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// The soak asks about known images at this rate, and about a new one, by tag and by
// digest, again and again; tags are forgotten every half minute.
const (
	soakRate = 300
	newEvery = 200 * time.Millisecond
	samples  = 30
)

// sample is what the server takes at a moment.
type sample struct{ memory, heap, goroutines, files float64 }

// soak asks for minutes, and compares the least of the second third of the time with
// the least of the last: the first fills what is remembered, and what is never given
// back raises the least too, while what is on its way at a moment does not.
func soak(ctx context.Context, o options, w *world, s *server, t *table) error {
	if o.soak <= 0 {
		return nil
	}
	images, err := w.pushAll(ctx, s, "soak", known)
	if err != nil {
		return fmt.Errorf("soak: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, o.soak+time.Minute)
	defer cancel()
	var group errgroup.Group
	group.Go(func() error {
		_, _, err := paced(ctx, s, images, soakRate, o.soak)
		return err
	})
	group.Go(func() error { return w.keepPushing(ctx, s, o.soak) })
	var taken []sample
	group.Go(func() error {
		for range samples {
			time.Sleep(o.soak / samples)
			now, err := s.sample(ctx)
			if err != nil {
				return err
			}
			taken = append(taken, now)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("soak: %w", err)
	}
	middle, last := least(taken[samples/3:2*samples/3]), least(taken[2*samples/3:])
	row := func(what, unit string, before, after, slack float64) {
		t.add("soak", fmt.Sprintf("%s over %s", what, o.soak), fmt.Sprintf("%.0f%s, then %.0f%s", before, unit, after, unit),
			"no growth", after <= before+slack)
	}
	row("memory", " MiB", middle.memory, last.memory, max(middle.memory/20, 8))
	row("live heap", " MiB", middle.heap, last.heap, max(middle.heap/10, 8))
	row("goroutines", "", middle.goroutines, last.goroutines, max(middle.goroutines/10, 5))
	row("open files", "", middle.files, last.files, 3)
	return nil
}

// keepPushing brings new images.
func (w *world) keepPushing(ctx context.Context, s *server, during time.Duration) error {
	began := time.Now()
	for i := 0; time.Since(began) < during; i++ {
		image, err := w.push("growing", i)
		if err != nil {
			return err
		}
		for _, name := range []string{image, fmt.Sprintf("%s/growing:n%d", w.host(), i), fmt.Sprintf("%s/growing:n%d", w.host(), i/2)} {
			if err := s.ask(ctx, name); err != nil {
				return err
			}
		}
		time.Sleep(newEvery)
	}
	return nil
}

func (s *server) sample(ctx context.Context) (now sample, err error) {
	for _, m := range []struct {
		name string
		to   *float64
	}{{"go_gc_heap_live_bytes", &now.heap}, {"go_goroutines", &now.goroutines}, {"process_open_fds", &now.files}} {
		if *m.to, err = s.metric(ctx, m.name); err != nil {
			return now, err
		}
	}
	resident, _ := s.memory()
	now.memory, now.heap = float64(resident), now.heap/(1<<20)
	return now, nil
}

func least(list []sample) sample {
	m := list[0]
	for _, s := range list[1:] {
		m.memory, m.heap = min(m.memory, s.memory), min(m.heap, s.heap)
		m.goroutines, m.files = min(m.goroutines, s.goroutines), min(m.files, s.files)
	}
	return m
}
