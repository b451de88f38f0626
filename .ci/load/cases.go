package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// cold asks the same at once, about an image that nobody knows.
func cold(ctx context.Context, o options, w *world, s *server, t *table) error {
	image, err := w.push("cold", 0)
	if err != nil {
		return err
	}
	var group errgroup.Group
	began := time.Now()
	for range o.together {
		group.Go(func() error { return s.ask(ctx, image) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("cold: %w", err)
	}
	took := time.Since(began)
	checks, err := s.metric(ctx, "imagegate_check_duration_seconds_count")
	if err != nil {
		return err
	}
	t.add("cold", fmt.Sprintf("%d identical reviews at once", o.together), fmt.Sprintf("%.0f check, all answered after %s", checks, round(took)),
		"1 check", checks == 1)
	return nil
}

// known are how many images the stored reviews are about.
const known = 100

// stored asks at a fixed rate, whatever becomes of the answers, so that a slow one is
// seen in all that wait behind it; and then as fast as it goes.
func stored(ctx context.Context, o options, w *world, s *server, t *table) error {
	images, err := w.pushAll(ctx, s, "stored", known)
	if err != nil {
		return fmt.Errorf("stored: %w", err)
	}
	busy, err := s.metric(ctx, "process_cpu_seconds_total")
	if err != nil {
		return err
	}
	took, elapsed, err := paced(ctx, s, images, o.rate, o.during)
	if err != nil {
		return fmt.Errorf("stored: %w", err)
	}
	after, err := s.metric(ctx, "process_cpu_seconds_total")
	if err != nil {
		return err
	}
	achieved := float64(len(took)) / elapsed.Seconds()
	p50, p99 := percentile(took, 50), percentile(took, 99)
	t.add("stored", fmt.Sprintf("%d reviews a second for %s", o.rate, o.during),
		fmt.Sprintf("%.0f/s, p50 %s, p99 %s, most %s", achieved, round(p50), round(p99), round(took[len(took)-1])),
		fmt.Sprintf("%d/s, p99 %s", o.rate, o.percentile), achieved >= 0.99*float64(o.rate) && p99 <= o.percentile)
	t.add("stored", "processor time of the server for one review", fmt.Sprint(round(time.Duration((after-busy)/float64(len(took))*1e9))), "", true)
	count, elapsed, err := flatOut(ctx, s, images, o.during/4)
	if err != nil {
		return fmt.Errorf("stored: %w", err)
	}
	t.add("stored", fmt.Sprintf("as fast as it goes, %d at once", atOnce), fmt.Sprintf("%.0f/s", float64(count)/elapsed.Seconds()), "", true)
	return nil
}

// paced asks at a fixed rate, and returns how long the answers took, sorted: from the
// moment at which it was time to ask.
func paced(ctx context.Context, s *server, images []string, rate int, during time.Duration) ([]time.Duration, time.Duration, error) {
	const workers = 64
	count := int(float64(rate) * during.Seconds())
	took := make([]time.Duration, count)
	began := time.Now()
	var group errgroup.Group
	for worker := range workers {
		group.Go(func() error {
			for i := worker; i < count; i += workers {
				due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
				time.Sleep(time.Until(due))
				if err := s.ask(ctx, images[i%len(images)]); err != nil {
					return err
				}
				took[i] = time.Since(due)
			}
			return nil
		})
	}
	err := group.Wait()
	elapsed := time.Since(began)
	slices.Sort(took)
	return took, elapsed, err
}

// atOnce is how many reviews are on their way at once where there is no pace.
const atOnce = 16

func flatOut(ctx context.Context, s *server, images []string, during time.Duration) (int, time.Duration, error) {
	var mu sync.Mutex
	var group errgroup.Group
	total, began := 0, time.Now()
	for worker := range atOnce {
		group.Go(func() error {
			count := 0
			for ; time.Since(began) < during; count++ {
				if err := s.ask(ctx, images[(worker+count)%len(images)]); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total += count
			return nil
		})
	}
	err := group.Wait()
	return total, time.Since(began), err
}

// distinct asks about many images, each once.
func distinct(ctx context.Context, o options, w *world, s *server, t *table) error {
	if o.images == 0 {
		return nil
	}
	before, _ := s.memory()
	began := time.Now()
	if _, err := w.pushAll(ctx, s, "distinct", o.images); err != nil {
		return fmt.Errorf("distinct: %w", err)
	}
	took := time.Since(began)
	after, peak := s.memory()
	remembered, err := s.metric(ctx, "imagegate_remembered_verdicts")
	if err != nil {
		return err
	}
	t.add("distinct", fmt.Sprintf("%d distinct images in %s", o.images, round(took)),
		fmt.Sprintf("%d MiB before, %d after, %d at most; %.0f verdicts remembered", before, after, peak, remembered),
		fmt.Sprintf("at most %d MiB", o.memory), peak <= o.memory && remembered >= float64(o.images))
	return nil
}

// pushAll pushes images and asks about each.
func (w *world) pushAll(ctx context.Context, s *server, repository string, count int) ([]string, error) {
	images := make([]string, count)
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range count {
		group.Go(func() (err error) {
			if images[i], err = w.push(repository, i); err != nil {
				return err
			}
			return s.ask(ctx, images[i])
		})
	}
	return images, group.Wait()
}

func percentile(sorted []time.Duration, p int) time.Duration { return sorted[len(sorted)*p/100] }

func round(d time.Duration) time.Duration {
	switch {
	case d > 10*time.Second:
		return d.Round(time.Second)
	case d > 100*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
