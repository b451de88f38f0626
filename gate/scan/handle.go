package scan

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/imagegate/imagegate/gate/scan/estate"
)

const (
	// maxDeaths is how many workers one unit may kill.
	maxDeaths = 3
	// maxReturns is how often a unit is tried again whose failure may pass.
	maxReturns = 2
	// storePatience is how long a result waits for the queue to be there again, or to
	// have room.
	storePatience = 10 * time.Minute
	// farewellTime bounds what is said when the process ends.
	farewellTime = 2 * time.Second
)

// handle judges one unit. The order is what nothing is lost by: result, then
// acknowledgement.
func (w *Worker) handle(ctx context.Context, slot int, scan *joined, message natsjs.Msg) {
	unit, err := readUnit(message.Subject(), message.Data())
	if err != nil {
		_ = message.TermWithReason("it is no unit of a scan") // what is not ours is nobody's result
		return
	}
	w.doing(scan, slot, unit.Name)
	alive := w.stayAlive(scan.ctx, scan.info.AckWait, message)
	defer alive()

	// What has a result was acknowledged too late: by a worker that is gone.
	if w.hasResult(ctx, unit) {
		w.acknowledge(ctx, message)
		return
	}
	returned := w.returns(ctx, unit, message)
	record, transient := w.answer(scan.ctx, unit, deaths(message, returned))

	// The scan has ended, or this worker does: the unit is as if it had never been
	// taken.
	if ctx.Err() != nil || scan.ctx.Err() != nil {
		w.giveBack(unit, message, returned)
		return
	}
	if transient && returned < maxReturns {
		wait := w.o.RetryAfter << returned
		w.giveBackLater(ctx, scan, unit, message, returned, wait+rand.N(wait/2))
		return
	}
	if err := w.store(ctx, unit, record); err != nil {
		w.o.Say(fmt.Sprintf("keeping the result of %s: %v; it will be judged again", unit.Name, err))
		w.giveBack(unit, message, returned)
		return
	}
	w.acknowledge(ctx, message)
}

// answer asks the judge, unless the unit is none for this worker.
func (w *Worker) answer(ctx context.Context, unit Unit, deaths int) (estate.Record, bool) {
	var record estate.Record
	var transient bool
	switch {
	case deaths >= maxDeaths:
		record = unanswered(unit, w.queue.now(), fmt.Sprintf("parked: %d workers ended while they judged it", deaths))
	case unit.local() && !w.o.Local:
		record = unanswered(unit, w.queue.now(), "it is on the disk of another machine")
	default:
		record, transient = w.judge.Judge(ctx, unit)
	}
	record.Worker, record.PolicyHash = w.o.Name, w.o.PolicyHash
	return record, transient
}

// deaths is how often a unit was delivered and neither acknowledged nor given back.
func deaths(message natsjs.Msg, returned int) int {
	meta, err := message.Metadata()
	if err != nil {
		return 0
	}
	return int(meta.NumDelivered) - 1 - returned
}

// stayAlive tells the queue that somebody works on the unit, until it is called.
func (w *Worker) stayAlive(ctx context.Context, ackWait time.Duration, message natsjs.Msg) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for pause(ctx, ackWait/3) {
			_ = message.InProgress() // if it is lost, there is the next one
		}
	}()
	return cancel
}

// hasResult asks the results. If they do not answer, judging again does no harm: the
// first result stays.
func (w *Worker) hasResult(ctx context.Context, unit Unit) bool {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	stream, err := w.queue.results(ctx)
	if err != nil {
		return false
	}
	_, err = stream.GetLastMsgForSubject(ctx, unit.resultSubject())
	return err == nil
}

// store keeps the result, for good. That there is one already is as good.
func (w *Worker) store(ctx context.Context, unit Unit, record estate.Record) error {
	line, err := record.Line()
	if err != nil {
		line, err = unanswered(unit, w.queue.now(), fmt.Sprintf("its result cannot be written: %v", err)).Line()
	}
	if err != nil {
		return err
	}
	err = retry(ctx, storePatience, func() error {
		_, err := w.queue.js.Publish(ctx, unit.resultSubject(), line)
		if isThere(err) {
			w.o.Say(fmt.Sprintf("%s was judged twice; the first result stays", unit.Name))
			return nil
		}
		return err
	})
	if err == nil && unit.Digest != "" && record.Error == "" {
		_, _ = w.queue.judged.Put(ctx, unit.content, []byte(record.JudgedAt.Format(time.RFC3339))) // for the order alone
	}
	return err
}

// acknowledge takes the unit out of the queue. If that is lost the unit comes again,
// and has a result.
func (w *Worker) acknowledge(ctx context.Context, message natsjs.Msg) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_ = message.DoubleAck(ctx)
}

// returns is how often the unit was given back in order.
func (w *Worker) returns(ctx context.Context, unit Unit, message natsjs.Msg) int {
	if meta, err := message.Metadata(); err != nil || meta.NumDelivered <= 1 {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	entry, err := w.queue.returned.Get(ctx, unit.Scan+"."+unit.key())
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(string(entry.Value()))
	if err != nil {
		return 0
	}
	return n
}

// giveBack returns a unit, for anybody to take. It is said first that this is no death.
func (w *Worker) giveBack(unit Unit, message natsjs.Msg, returned int) {
	w.noteReturn(unit, returned)
	_ = message.Nak() // if it is lost, it comes back by itself
}

// giveBackLater returns a unit after a pause, in which it stays with this worker: a
// server measures pauses by the clock on the wall, and waits for hours if that is set
// back.
func (w *Worker) giveBackLater(ctx context.Context, scan *joined, unit Unit, message natsjs.Msg, returned int, after time.Duration) {
	w.noteReturn(unit, returned)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(scan.ctx, cancel)
	alive := w.stayAlive(ctx, scan.info.AckWait, message)
	w.waiting.Go(func() {
		defer cancel()
		defer stop()
		pause(ctx, after)
		alive()
		_ = message.Nak() // if it is lost, it comes back by itself
	})
}

// noteReturn says that a unit is given back in order.
func (w *Worker) noteReturn(unit Unit, returned int) {
	ctx, cancel := context.WithTimeout(context.Background(), farewellTime) // ours may have ended
	defer cancel()
	_, err := w.queue.returned.Put(ctx, unit.Scan+"."+unit.key(), []byte(strconv.Itoa(returned+1)))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		w.o.Say(fmt.Sprintf("giving back %s: %v", unit.Name, err))
	}
}
