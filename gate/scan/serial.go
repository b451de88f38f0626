package scan

import (
	"sync"

	"github.com/imagegate/imagegate/gate/scan/estate"
)

// serial lets one goroutine at a time tell a Collector something.
type serial struct {
	mu sync.Mutex
	to Collector
}

func newSerial(to Collector) Collector { return &serial{to: to} }

func (s *serial) Record(r estate.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Record(r)
}
func (s *serial) ListError(err error) { s.mu.Lock(); defer s.mu.Unlock(); s.to.ListError(err) }
func (s *serial) Progress(c Counts)   { s.mu.Lock(); defer s.mu.Unlock(); s.to.Progress(c) }
