package scan_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/jetstream"
	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

func connection(t testing.TB, folder string) *jetstream.Connection {
	t.Helper()
	c, err := jetstream.Embed(t.Context(), jetstream.Embedding{Folder: folder})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func queue(t testing.TB) (*scan.Queue, *jetstream.Connection) {
	t.Helper()
	c := connection(t, t.TempDir())
	q, err := scan.Open(t.Context(), c)
	require.NoError(t, err)
	return q, c
}

func begin(t testing.TB, q *scan.Queue) *scan.Scan {
	t.Helper()
	s, err := q.Begin(t.Context(), scan.Plan{Targets: []string{"test"}, PolicyHash: "hash", AckWait: time.Second})
	require.NoError(t, err)
	return s
}

// digest is a made one.
func digest(n int) string { return fmt.Sprintf("sha256:%064x", n) }

// images are n digests, under a name each.
func images(n int) iter.Seq2[scan.Listed, error] {
	return func(yield func(scan.Listed, error) bool) {
		for i := range n {
			if !yield(scan.Listed{Name: fmt.Sprintf("registry.example.com/app%d:v1", i), Digest: digest(i)}, nil) {
				return
			}
		}
	}
}

// judge answers as it is told, and remembers who was asked for.
type judge struct {
	answer func(ctx context.Context, u scan.Unit) (policy.Decision, bool)

	mu    sync.Mutex
	asked map[string]int // by reference
	busy  map[string]int // by digest
	worst int            // how many of one digest were asked for at once
}

func allows(context.Context, scan.Unit) (policy.Decision, bool) { return policy.Allow, false }

func newJudge(answer func(context.Context, scan.Unit) (policy.Decision, bool)) *judge {
	return &judge{answer: answer, asked: map[string]int{}, busy: map[string]int{}}
}

func (j *judge) Judge(ctx context.Context, u scan.Unit) (estate.Record, bool) {
	j.mu.Lock()
	j.asked[u.Reference]++
	j.busy[u.Digest]++
	j.worst = max(j.worst, j.busy[u.Digest])
	j.mu.Unlock()
	decision, transient := j.answer(ctx, u)
	j.mu.Lock()
	j.busy[u.Digest]--
	j.mu.Unlock()
	return estate.Record{
		SchemaVersion: estate.RecordVersion, Scan: u.Scan, References: []string{u.Name}, Digest: u.Digest,
		Verdict: decision, Stage: policy.StageScan, JudgedAt: time.Now().UTC(),
	}, transient
}

// results collects.
type results struct {
	mu      sync.Mutex
	records []estate.Record
	errors  []error
	seen    func(n int) // after each record
}

func (r *results) Record(record estate.Record) error {
	r.mu.Lock()
	r.records = append(r.records, record)
	n := len(r.records)
	r.mu.Unlock()
	if r.seen != nil {
		r.seen(n)
	}
	return nil
}
func (r *results) ListError(err error)  { r.errors = append(r.errors, err) }
func (r *results) Progress(scan.Counts) {}

// work runs a worker until the test ends, or until it is stopped.
func work(t testing.TB, q *scan.Queue, j scan.Judge, change func(*scan.WorkerOptions)) (stop func()) {
	t.Helper()
	o := scan.WorkerOptions{PolicyHash: "hash", Parallel: 4, RetryAfter: time.Millisecond}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- scan.NewWorker(q, j, o).Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

func TestEveryDigestIsJudgedOnce(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	s := begin(t, q)
	j := newJudge(func(_ context.Context, u scan.Unit) (policy.Decision, bool) {
		if strings.HasSuffix(u.Digest, "7") {
			return policy.Deny, false
		}
		return policy.Allow, false
	})
	work(t, q, j, nil)
	work(t, q, j, nil)
	listed := func(yield func(scan.Listed, error) bool) {
		for i := range 40 {
			for _, name := range []string{"registry.example.com/one:v%d", "registry.example.com/one:latest-%d", "registry.example.com/two:v%d"} {
				if !yield(scan.Listed{Name: fmt.Sprintf(name, i), Digest: digest(i)}, nil) {
					return
				}
			}
		}
		yield(scan.Listed{}, fmt.Errorf("no answer"))
	}
	var found results
	outcome, err := s.Run(t.Context(), listed, &found)
	require.NoError(t, err)
	require.Equal(t, 120, outcome.Counts.Listed)
	require.Equal(t, 80, outcome.Counts.Units, "a digest in each of two repositories")
	require.Equal(t, 80, outcome.Counts.Judged)
	require.Equal(t, 74, outcome.Counts.Allowed)
	require.Equal(t, 6, outcome.Counts.Denied)
	require.Len(t, found.records, 80)
	require.Equal(t, 1, outcome.ListErrors)
	require.Len(t, found.errors, 1)
	require.Len(t, j.asked, 80)
	for reference, times := range j.asked {
		require.Equal(t, 1, times, reference)
	}
	require.Equal(t, 1, j.worst, "two of one digest were judged at once")

	require.NoError(t, s.Finish(t.Context()))
	status, err := q.Status(t.Context(), s.ID())
	require.NoError(t, err)
	require.Equal(t, scan.Finished, status.State)
	require.Equal(t, 80, status.Counts.Judged)
	require.Zero(t, status.Queued+status.InFlight)
	_, err = q.Resume(t.Context(), s.ID(), "hash")
	var ended *scan.EndedError
	require.ErrorAs(t, err, &ended)
}

func TestResume(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c, err := jetstream.Embed(t.Context(), jetstream.Embedding{Folder: folder})
	require.NoError(t, err)
	q, err := scan.Open(t.Context(), c)
	require.NoError(t, err)
	s := begin(t, q)
	j := newJudge(allows)
	stop := work(t, q, j, nil)
	ctx, cancel := context.WithCancel(t.Context())
	first := results{seen: func(n int) {
		if n == 20 {
			cancel()
		}
	}}
	_, err = s.Run(ctx, images(60), &first)
	require.ErrorIs(t, err, context.Canceled)
	stop()
	c.Close()

	q, err = scan.Open(t.Context(), connection(t, folder))
	require.NoError(t, err)
	_, err = q.Resume(t.Context(), s.ID(), "another")
	var other *scan.PolicyError
	require.ErrorAs(t, err, &other)
	latest, err := q.Latest(t.Context())
	require.NoError(t, err)
	s, err = q.Resume(t.Context(), latest, "hash")
	require.NoError(t, err)
	work(t, q, j, nil)
	var second results
	outcome, err := s.Run(t.Context(), images(60), &second)
	require.NoError(t, err)
	require.Equal(t, 60, outcome.Counts.Judged)
	require.Len(t, second.records, 60)
	again := 0
	for _, times := range j.asked {
		again += times - 1
	}
	require.LessOrEqual(t, again, 4, "more than what was in flight was judged twice")
}

// take is a worker that takes a unit and is never heard of again.
func take(t *testing.T, c *jetstream.Connection, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		consumer, err := c.JetStream().Consumer(t.Context(), "IMAGEGATE_WORK", id+"-never")
		require.NoError(t, err)
		batch, err := consumer.FetchNoWait(1)
		require.NoError(t, err)
		return <-batch.Messages() != nil
	}, time.Minute, 20*time.Millisecond)
}

func TestAWorkerThatDiesLosesNothing(t *testing.T) {
	t.Parallel()
	for deaths, verdict := range map[int]policy.Decision{1: policy.Allow, 2: policy.Allow, 3: policy.NotDecidable} {
		t.Run(fmt.Sprint(deaths), func(t *testing.T) {
			t.Parallel()
			q, c := queue(t)
			s := begin(t, q)
			j := newJudge(allows)
			go func() {
				for range deaths {
					take(t, c, s.ID())
				}
				work(t, q, j, nil)
			}()
			var found results
			outcome, err := s.Run(t.Context(), images(1), &found)
			require.NoError(t, err)
			require.Equal(t, 1, outcome.Counts.Judged)
			require.Equal(t, verdict, found.records[0].Verdict)
			if deaths == 3 {
				require.Contains(t, found.records[0].Error, "parked: 3 workers ended")
				require.Equal(t, []string{"registry.example.com/app0:v1"}, found.records[0].References)
				require.Empty(t, j.asked)
			}
		})
	}
}

// TestGivingBackIsNoDeath: a unit whose registry asks to come back later, and workers
// that end in order.
func TestGivingBackIsNoDeath(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	s := begin(t, q)
	var mu sync.Mutex
	tries := 0
	j := newJudge(func(context.Context, scan.Unit) (policy.Decision, bool) {
		mu.Lock()
		defer mu.Unlock()
		tries++
		return policy.NotDecidable, tries < 3
	})
	for range 4 { // workers that take it and end at once
		started := make(chan struct{})
		stop := work(t, q, newJudge(func(ctx context.Context, _ scan.Unit) (policy.Decision, bool) {
			close(started)
			<-ctx.Done()
			return policy.NotDecidable, true
		}), func(o *scan.WorkerOptions) { o.Parallel = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-started; cancel() }()
		_, err := s.Run(ctx, images(1), &results{})
		require.ErrorIs(t, err, context.Canceled)
		stop()
	}
	work(t, q, j, nil)
	var found results
	_, err := s.Run(t.Context(), images(1), &found)
	require.NoError(t, err)
	require.Empty(t, found.records[0].Error, "it was not parked")
}

func TestTransientFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	s := begin(t, q)
	j := newJudge(func(context.Context, scan.Unit) (policy.Decision, bool) { return policy.NotDecidable, true })
	work(t, q, j, nil)
	var found results
	outcome, err := s.Run(t.Context(), images(3), &found)
	require.NoError(t, err)
	require.Equal(t, 3, outcome.Counts.Undecided)
	for reference, times := range j.asked {
		require.Equal(t, 3, times, reference)
	}
}

func TestHeartbeatsKeepALongUnit(t *testing.T) {
	t.Parallel()
	q, c := queue(t)
	s := begin(t, q)
	j := newJudge(func(ctx context.Context, _ scan.Unit) (policy.Decision, bool) {
		// As long as it takes until the server would have given it to somebody else.
		consumer, err := c.JetStream().Consumer(ctx, "IMAGEGATE_WORK", s.ID()+"-never")
		require.NoError(t, err)
		batch, err := consumer.Fetch(1, natsjs.FetchMaxWait(3*time.Second))
		require.NoError(t, err)
		require.Nil(t, <-batch.Messages(), "it was delivered again")
		return policy.Allow, false
	})
	work(t, q, j, nil)
	outcome, err := s.Run(t.Context(), images(1), &results{})
	require.NoError(t, err)
	require.Equal(t, 1, outcome.Counts.Allowed)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	s := begin(t, q)
	started := make(chan struct{}, 100)
	work(t, q, newJudge(func(ctx context.Context, _ scan.Unit) (policy.Decision, bool) {
		started <- struct{}{}
		<-ctx.Done() // the end of the scan ends its units
		return policy.NotDecidable, true
	}), nil)
	cancelled := make(chan error, 1)
	go func() {
		<-started
		cancelled <- q.Cancel(context.Background(), s.ID())
	}()
	_, err := s.Run(t.Context(), images(20), &results{})
	require.ErrorIs(t, err, scan.ErrCancelled)
	require.NoError(t, <-cancelled)
	var ended *scan.EndedError
	require.ErrorAs(t, q.Cancel(t.Context(), s.ID()), &ended)
	_, err = q.Info(t.Context(), "no-such-scan")
	var unknown *scan.UnknownError
	require.ErrorAs(t, err, &unknown)
}

func TestWorkersLeaveAScanOfAnotherPolicy(t *testing.T) {
	t.Parallel()
	q, _ := queue(t)
	s := begin(t, q)
	said := make(chan string, 10)
	stranger := newJudge(allows)
	work(t, q, stranger, func(o *scan.WorkerOptions) { o.PolicyHash, o.Say = "other", func(line string) { said <- line } })
	require.Contains(t, <-said, "leaving scan "+s.ID())
	work(t, q, newJudge(allows), nil)
	_, err := s.Run(t.Context(), images(10), &results{})
	require.NoError(t, err)
	require.Empty(t, stranger.asked)
}

func TestNobodyElsesDisk(t *testing.T) {
	t.Parallel()
	listed := func(yield func(scan.Listed, error) bool) {
		yield(scan.Listed{Name: "oci:/var/lib/images", Digest: digest(1)}, nil)
	}
	for local, verdict := range map[bool]policy.Decision{true: policy.Allow, false: policy.NotDecidable} {
		q, _ := queue(t)
		s := begin(t, q)
		work(t, q, newJudge(allows), func(o *scan.WorkerOptions) { o.Local = local })
		var found results
		_, err := s.Run(t.Context(), listed, &found)
		require.NoError(t, err)
		require.Equal(t, verdict, found.records[0].Verdict)
	}
}

// TestOrder holds one worker to the classes.
func TestOrder(t *testing.T) {
	t.Parallel()
	q, c := queue(t)
	// The first two were judged before, the second of them long ago.
	before, err := c.JetStream().KeyValue(t.Context(), "imagegate-judged")
	require.NoError(t, err)
	for i, age := range []time.Duration{time.Hour, 30 * 24 * time.Hour} {
		_, err = before.Put(t.Context(), strings.TrimPrefix(digest(i), "sha256:"), []byte(time.Now().Add(-age).Format(time.RFC3339)))
		require.NoError(t, err)
	}
	s := begin(t, q)
	listed := func(yield func(scan.Listed, error) bool) {
		for i := range 4 {
			l := scan.Listed{Name: fmt.Sprintf("registry.example.com/app:v%d", i), Digest: digest(i)}
			if i == 3 {
				l.Updated = time.Now().Add(-time.Hour)
			}
			if !yield(l, nil) {
				return
			}
		}
		// Only when all are queued somebody begins.
		work(t, q, newJudge(allows), func(o *scan.WorkerOptions) { o.Parallel = 1 })
	}
	var found results
	_, err = s.Run(t.Context(), listed, &found)
	require.NoError(t, err)
	var order []string
	for _, r := range found.records {
		order = append(order, r.Digest)
	}
	require.Equal(t, []string{digest(3), digest(2), digest(1), digest(0)}, order)
}
