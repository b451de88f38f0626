package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/imagegate/imagegate/gate/jetstream"
)

// Names in the account. There is one queue for all scans, so that a worker that
// joins need not be told which there are.
const (
	workStream   = "IMAGEGATE_WORK"
	resultStream = "IMAGEGATE_RESULTS"
	scanBucket   = "imagegate-scans"    // Info by id, Counts by id + ".counts"
	judgedBucket = "imagegate-judged"   // when a digest was judged last
	returnBucket = "imagegate-returned" // how often a unit was given back in order
)

const (
	// keepResults is how long results and what is known about digests stay.
	keepResults = 90 * day
	countsKey   = ".counts"
)

// Queue is the scans of one JetStream account. It is safe for concurrent use.
type Queue struct {
	connection *jetstream.Connection
	js         natsjs.JetStream
	scans      natsjs.KeyValue
	judged     natsjs.KeyValue
	returned   natsjs.KeyValue
	now        func() time.Time

	mu    sync.Mutex
	found natsjs.Stream // of results; nil: not yet
}

// Open finds the queue, or makes it.
func Open(ctx context.Context, c *jetstream.Connection) (*Queue, error) {
	q := &Queue{connection: c, js: c.JetStream(), now: time.Now}
	if err := retry(ctx, startPatience, func() error { return q.prepare(ctx) }); err != nil {
		return nil, fmt.Errorf("opening the queue of scans: %w", err)
	}
	return q, nil
}

// startPatience is how long a cluster may take until it can make streams.
const startPatience = 30 * time.Second

func (q *Queue) prepare(ctx context.Context) (err error) {
	replicas := q.connection.Replicas()
	for _, stream := range []natsjs.StreamConfig{
		{
			Name: workStream, Description: "images that wait to be judged", Subjects: []string{workPrefix + ">"},
			Retention: natsjs.WorkQueuePolicy, MaxMsgSize: maxUnit,
		},
		{
			Name: resultStream, Description: "what images were judged to be", Subjects: []string{resultPrefix + ">"},
			MaxAge: keepResults, AllowDirect: true,
		},
	} {
		stream.Storage, stream.Replicas = natsjs.FileStorage, replicas
		// One message for each subject, and the first one stays.
		stream.MaxMsgsPerSubject, stream.Discard, stream.DiscardNewPerSubject = 1, natsjs.DiscardNew, true
		if _, err := q.js.CreateStream(ctx, stream); err != nil && !errors.Is(err, natsjs.ErrStreamNameAlreadyInUse) {
			return fmt.Errorf("making stream %s: %w", stream.Name, err)
		}
	}
	for _, bucket := range []struct {
		name string
		age  time.Duration
		into *natsjs.KeyValue
	}{{scanBucket, 0, &q.scans}, {judgedBucket, keepResults, &q.judged}, {returnBucket, keepResults, &q.returned}} {
		if *bucket.into, err = q.bucket(ctx, bucket.name, bucket.age, replicas); err != nil {
			return fmt.Errorf("making bucket %s: %w", bucket.name, err)
		}
	}
	return nil
}

func (q *Queue) bucket(ctx context.Context, name string, age time.Duration, replicas int) (natsjs.KeyValue, error) {
	values, err := q.js.KeyValue(ctx, name)
	if err == nil || !errors.Is(err, natsjs.ErrBucketNotFound) {
		return values, err
	}
	return q.js.CreateOrUpdateKeyValue(ctx, natsjs.KeyValueConfig{Bucket: name, TTL: age, Replicas: replicas, Storage: natsjs.FileStorage})
}

// retry repeats what may fail while servers are away, with growing pauses, until it
// succeeds, the patience is over, or nobody wants it any more.
func retry(ctx context.Context, patience time.Duration, run func() error) error {
	deadline := time.Now().Add(patience)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := run()
		if err == nil || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(pause + rand.N(pause/2+1)):
		case <-ctx.Done():
			return err
		}
	}
}

// Info of a scan. The error is an *UnknownError where there is none.
func (q *Queue) Info(ctx context.Context, id string) (Info, error) {
	info, _, err := q.info(ctx, id)
	return info, err
}

func (q *Queue) info(ctx context.Context, id string) (Info, uint64, error) {
	if !idForm.MatchString(id) {
		return Info{}, 0, &UnknownError{ID: id}
	}
	entry, err := q.scans.Get(ctx, id)
	if errors.Is(err, natsjs.ErrKeyNotFound) {
		return Info{}, 0, &UnknownError{ID: id}
	}
	if err != nil {
		return Info{}, 0, fmt.Errorf("reading scan %s: %w", id, err)
	}
	var info Info
	if err := json.Unmarshal(entry.Value(), &info); err != nil {
		return Info{}, 0, fmt.Errorf("reading scan %s: %w", id, err)
	}
	return info, entry.Revision(), nil
}

// Scans are the ids of all scans, the oldest first.
func (q *Queue) Scans(ctx context.Context) ([]string, error) {
	keys, err := q.scans.Keys(ctx)
	if err != nil && !errors.Is(err, natsjs.ErrNoKeysFound) {
		return nil, fmt.Errorf("listing scans: %w", err)
	}
	ids := slices.DeleteFunc(keys, func(key string) bool { return strings.Contains(key, ".") })
	slices.Sort(ids)
	return ids, nil
}

// Latest is the id of the scan that began last. The error is an *UnknownError where
// there is none.
func (q *Queue) Latest(ctx context.Context) (string, error) {
	ids, err := q.Scans(ctx)
	if err == nil && len(ids) == 0 {
		err = &UnknownError{}
	}
	if err != nil {
		return "", err
	}
	return ids[len(ids)-1], nil
}

// Status of a scan.
func (q *Queue) Status(ctx context.Context, id string) (Status, error) {
	info, err := q.Info(ctx, id)
	if err != nil {
		return Status{}, err
	}
	s := Status{Info: info}
	if entry, err := q.scans.Get(ctx, id+countsKey); err == nil {
		_ = json.Unmarshal(entry.Value(), &s.Counts) // counts are for people: none is none
	}
	for _, class := range Classes() {
		consumer, err := q.js.Consumer(ctx, workStream, consumerName(id, class))
		if errors.Is(err, natsjs.ErrConsumerNotFound) {
			continue
		}
		if err != nil {
			return s, fmt.Errorf("reading the queue of scan %s: %w", id, err)
		}
		now := consumer.CachedInfo()
		s.Queued += int(now.NumPending)
		s.InFlight += now.NumAckPending
	}
	return s, nil
}

// Cancel ends a scan, wherever it runs. What was judged stays. The error is an
// *EndedError where it has ended already.
func (q *Queue) Cancel(ctx context.Context, id string) error {
	if err := q.end(ctx, id, Cancelled); err != nil {
		return err
	}
	_ = q.clear(ctx, id) // the scanner does it, too, and may be gone with its server by now
	return nil
}

// end sets the state once.
func (q *Queue) end(ctx context.Context, id string, state State) error {
	info, revision, err := q.info(ctx, id)
	if err != nil {
		return err
	}
	if info.State != Running {
		return &EndedError{ID: id, State: info.State}
	}
	info.State, info.Ended = state, q.now().UTC()
	return q.write(ctx, info, revision)
}

func (q *Queue) write(ctx context.Context, info Info, revision uint64) error {
	data, err := json.Marshal(info)
	if err == nil {
		_, err = q.scans.Update(ctx, info.ID, data, revision)
	}
	if err != nil {
		return fmt.Errorf("writing scan %s: %w", info.ID, err)
	}
	return nil
}

// clear removes the consumers of a scan and what is left for them.
func (q *Queue) clear(ctx context.Context, id string) error {
	for _, class := range Classes() {
		if err := q.js.DeleteConsumer(ctx, workStream, consumerName(id, class)); err != nil && !errors.Is(err, natsjs.ErrConsumerNotFound) {
			return fmt.Errorf("clearing the queue of scan %s: %w", id, err)
		}
	}
	stream, err := q.js.Stream(ctx, workStream)
	if err == nil {
		err = stream.Purge(ctx, natsjs.WithPurgeSubject(workPrefix+id+".>"))
	}
	if err != nil {
		return fmt.Errorf("clearing the queue of scan %s: %w", id, err)
	}
	return nil
}

func consumerName(id string, class Class) string { return id + "-" + string(class) }

// results is the stream of results, without a question whether it is there.
func (q *Queue) results(ctx context.Context) (natsjs.Stream, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.found == nil {
		stream, err := q.js.Stream(ctx, resultStream)
		if err != nil {
			return nil, err
		}
		q.found = stream
	}
	return q.found, nil
}

// isThere is the answer of a stream to a second message of one subject
// (JSStreamStoreFailedF with ErrMaxMsgsPerSubject, which has no code of its own).
func isThere(err error) bool {
	var api *natsjs.APIError
	return errors.As(err, &api) && strings.Contains(api.Description, "maximum messages per subject exceeded")
}
