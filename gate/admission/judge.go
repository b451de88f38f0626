package admission

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// Gate is what verdicts come from. *gate.Gate implements it.
type Gate interface {
	// Ask judges one image. Its error is a *gate.ReferenceError.
	Ask(context.Context, gate.Question) (gate.Result, error)
	// Pin says which digest a reference means now, and judges nothing.
	Pin(ctx context.Context, reference string) (digest string, err error)
}

// Judge is a gate, with the names of all that its verdicts rest on. It does not
// change: another policy, trusted root or database is another Judge, which takes
// the place of the one before with Handler.Replace.
type Judge struct {
	Gate   Gate
	Policy *policy.Policy
	// Database that the gate matches against; nil where there is none, and then
	// DatabaseError says why.
	Database      *sbom.Database
	DatabaseError error
	// TrustRoot is the hash of the trusted root; empty where no signer is named.
	TrustRoot string
	// Engines is the version of everything else that verdicts depend on: the program.
	Engines string
	// Close frees what the gate holds. It is called once, when the Judge was replaced
	// and its last check has ended. May be nil.
	Close func()
}

func (j Judge) complete() error {
	if j.Gate == nil || j.Policy == nil || j.Engines == "" {
		return errors.New("a judge needs a gate, its policy and the version of its engines")
	}
	return nil
}

// seat is a Judge in office, or one that was and has checks to end.
type seat struct {
	Judge

	policyHash, policyName string
	databaseBuilt          string // when
	// basis names all that verdicts rest on but the database, database that.
	basis, database string

	mu      sync.Mutex
	users   int
	retired bool
}

func newSeat(j Judge) *seat {
	s := &seat{Judge: j, policyHash: j.Policy.Hash(), policyName: clip(printable(j.Policy.Name()), maxAudit), databaseBuilt: nothing}
	sum := sha256.Sum256([]byte(strings.Join([]string{s.policyHash, j.TrustRoot, j.Engines}, "\x00")))
	s.basis = hex.EncodeToString(sum[:])
	if j.Database != nil {
		s.databaseBuilt = j.Database.Built.UTC().Format(time.RFC3339)
	}
	if j.Database != nil && j.Policy.Needs(policy.StageAdmission).Vulnerabilities {
		s.database = j.Database.Checksum
	}
	return s
}

func (s *seat) use() *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	return s
}

func (s *seat) release() { s.leave(func() { s.users-- }) }
func (s *seat) retire()  { s.leave(func() { s.retired = true }) }

// leave closes the Judge if nobody uses it any more, and nobody will.
func (s *seat) leave(how func()) {
	s.mu.Lock()
	how()
	last := s.retired && s.users == 0 && s.Close != nil
	var end func()
	if last {
		end, s.Close = s.Close, nil
	}
	s.mu.Unlock()
	if last {
		end()
	}
}

// bench holds the seat that is in office.
type bench struct {
	mu      sync.Mutex
	current *seat
}

// take is the Judge in office; whoever takes it releases it.
func (b *bench) take() *seat {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.current.use()
}

// replace puts another Judge in office. Questions that were asked before are
// answered by the old one, which is closed after the last of them.
func (b *bench) replace(j Judge) *seat {
	next := newSeat(j)
	b.mu.Lock()
	old := b.current
	b.current = next
	b.mu.Unlock()
	if old != nil {
		old.retire()
	}
	return next
}
