package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
)

// Plan is what a new scan is about.
type Plan struct {
	Targets    []string // as typed, for who resumes it
	PolicyHash string
	// Listing is how targets are listed, for who resumes it: JSON. Default nothing.
	Listing json.RawMessage
	// AckWait is how long a worker may be silent. Default one minute.
	AckWait time.Duration
}

// Scan is one scan, for the one process that lists its targets and collects its
// results.
type Scan struct {
	queue *Queue
	info  Info
}

// Info is what is kept about the scan.
func (s *Scan) Info() Info { return s.info }

// ID is how the scan is resumed.
func (s *Scan) ID() string { return s.info.ID }

// Begin makes a new scan. Workers find it at once.
func (q *Queue) Begin(ctx context.Context, p Plan) (*Scan, error) {
	if p.AckWait <= 0 {
		p.AckWait = time.Minute
	}
	now := q.now().UTC()
	id, err := q.nextID(ctx, now)
	if err != nil {
		return nil, err
	}
	info := Info{ID: id, State: Running, Started: now, Targets: p.Targets, Listing: p.Listing, PolicyHash: p.PolicyHash, AckWait: p.AckWait}
	s := &Scan{queue: q, info: info}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	data, err := json.Marshal(info)
	if err == nil {
		_, err = q.scans.Create(ctx, info.ID, data)
	}
	if err != nil {
		return nil, fmt.Errorf("beginning a scan: %w", err)
	}
	return s, nil
}

// nextID is later than all that there are, even where the clock was set back since:
// the latest scan is the one that began last.
func (q *Queue) nextID(ctx context.Context, now time.Time) (string, error) {
	latest, err := q.Latest(ctx)
	var none *UnknownError
	if errors.As(err, &none) {
		return newID(now), nil
	}
	if err != nil {
		return "", err
	}
	if before, err := time.Parse(idTime, latest[:min(len(latest), len(idTime))]); err == nil && !now.Truncate(time.Second).After(before) {
		now = before.Add(time.Second)
	}
	return newID(now), nil
}

// Resume goes on with a scan. The error is an *UnknownError, an *EndedError where it
// was cancelled or is complete, or a *PolicyError.
func (q *Queue) Resume(ctx context.Context, id, policyHash string) (*Scan, error) {
	info, err := q.Info(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case info.State != Running:
		return nil, &EndedError{ID: id, State: info.State}
	case info.PolicyHash != policyHash:
		return nil, &PolicyError{ID: id, Began: info.PolicyHash, Have: policyHash}
	}
	s := &Scan{queue: q, info: info}
	if err := s.reclaim(ctx); err != nil {
		return nil, err
	}
	return s, s.prepare(ctx)
}

// reclaim takes back at once what the workers of a server had that was embedded in a
// process before this one: none of them can have survived it. The server looks for
// what is overdue when the time for it changes; if it has not done so in a moment,
// what was in flight comes back when its time is over, like anywhere else.
func (s *Scan) reclaim(ctx context.Context) error {
	if !s.queue.connection.Embedded() {
		return nil
	}
	status, err := s.queue.Status(ctx, s.info.ID)
	if err != nil || status.InFlight == 0 {
		return err
	}
	if err := s.consumers(ctx, 10*time.Millisecond); err != nil {
		return err
	}
	pause(ctx, 500*time.Millisecond)
	return nil
}

// prepare makes the consumers.
func (s *Scan) prepare(ctx context.Context) error { return s.consumers(ctx, s.info.AckWait) }

// consumers are one for each class, shared by all workers.
func (s *Scan) consumers(ctx context.Context, ackWait time.Duration) error {
	for _, class := range Classes() {
		_, err := s.queue.js.CreateOrUpdateConsumer(ctx, workStream, natsjs.ConsumerConfig{
			Durable:       consumerName(s.info.ID, class),
			FilterSubject: workPrefix + s.info.ID + "." + string(class) + ".*.*",
			AckPolicy:     natsjs.AckExplicitPolicy,
			AckWait:       ackWait,
			MaxDeliver:    -1, // the worker parks what killed others: see deaths
			MaxAckPending: 10_000,
		})
		if err != nil {
			return fmt.Errorf("making the queue of scan %s: %w", s.info.ID, err)
		}
	}
	return nil
}
