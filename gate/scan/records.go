package scan

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/imagegate/imagegate/gate/scan/estate"
)

// Records yields every record of a scan so far, in the order in which they came,
// under all the names that a run has listed (Outcome.Names; nil where none has). One that cannot be read
// is undecided.
func (q *Queue) Records(ctx context.Context, id string, names map[string][]string) iter.Seq2[estate.Record, error] {
	return func(yield func(estate.Record, error) bool) {
		fail := func(err error) { yield(estate.Record{}, fmt.Errorf("reading the results of scan %s: %w", id, err)) }
		consumer, pending, err := q.resultConsumer(ctx, id)
		if err != nil {
			fail(err)
			return
		}
		if pending == 0 {
			return
		}
		messages, err := consumer.Messages()
		if err != nil {
			fail(err)
			return
		}
		defer messages.Stop()
		for ; pending > 0; pending-- {
			message, err := messages.Next(natsjs.NextContext(ctx))
			if err != nil {
				fail(err)
				return
			}
			a, ours := q.readResult(message)
			if !ours {
				continue
			}
			if known := names[a.key]; len(known) > 0 {
				a.record.References = slices.Sorted(slices.Values(known))
			}
			if !yield(a.record, nil) {
				return
			}
		}
	}
}

// resultConsumer reads the results of a scan from the first on; pending is how many
// there are now.
func (q *Queue) resultConsumer(ctx context.Context, id string) (c natsjs.Consumer, pending uint64, err error) {
	c, err = q.js.OrderedConsumer(ctx, resultStream, natsjs.OrderedConsumerConfig{
		FilterSubjects: []string{resultPrefix + id + ".>"},
		DeliverPolicy:  natsjs.DeliverAllPolicy,
	})
	if err != nil {
		return nil, 0, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return nil, 0, err
	}
	return c, info.NumPending, nil
}

// answered is a record with the key of its unit.
type answered struct {
	key, content string
	record       estate.Record
}

// readResult reads one result. One that cannot be read is an undecided one: its unit
// was acknowledged, and must not be missing.
func (q *Queue) readResult(message natsjs.Msg) (answered, bool) {
	tokens := strings.Split(strings.TrimPrefix(message.Subject(), resultPrefix), ".")
	if len(tokens) != 3 {
		return answered{}, false // nobody asked for it
	}
	record, err := estate.ParseLine(message.Data())
	if err != nil {
		record = unanswered(Unit{Name: message.Subject()}, q.now(), fmt.Sprintf("its result cannot be read: %v", err))
	}
	record.Scan = tokens[0]
	return answered{key: tokens[1] + "." + tokens[2], content: tokens[1], record: record}, true
}
