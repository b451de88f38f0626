package scan

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Activity is what one slot of a worker is at.
type Activity struct {
	Worker string    `json:"worker"`
	Slot   int       `json:"slot"`
	Name   string    `json:"name,omitempty"` // empty: nothing
	Since  time.Time `json:"since"`
}

const (
	activityPrefix = "imagegate.activity."
	maxActivity    = 8 << 10 // bytes
)

// doing tells whoever looks at the scan. Nobody keeps it, and nobody waits for it.
func (w *Worker) doing(scan *joined, slot int, name string) {
	a := Activity{Worker: w.o.Name, Slot: slot, Name: name, Since: time.Now().UTC()}
	if data, err := json.Marshal(a); err == nil && len(data) <= maxActivity {
		_ = w.queue.connection.NATS().Publish(activityPrefix+scan.info.ID, data)
	}
}

// Activities tells what workers are at, as it changes, until stop is called.
func (s *Scan) Activities(to func(Activity)) (stop func(), err error) {
	subscription, err := s.queue.connection.NATS().Subscribe(activityPrefix+s.info.ID, func(m *nats.Msg) {
		var a Activity
		if len(m.Data) <= maxActivity && json.Unmarshal(m.Data, &a) == nil {
			to(a)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listening to workers: %w", err)
	}
	return func() { _ = subscription.Unsubscribe() }, nil
}
