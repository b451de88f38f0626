package admission

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

// key is a question, with all that its answer rests on but the database.
type key struct {
	basis     string // policy, trusted root and engines
	scope     string // what the namespace changes about the policy
	reference string
}

// entry is what is remembered under a key.
type entry struct {
	// last is the last verdict, and by which database it was made.
	last     Verdict
	database string
	// allowed is the last verdict that allowed, whatever came after it.
	allowed Verdict
}

// memory remembers verdicts: the last used in this process, all in a store that
// replicas may share. The loss of either costs time.
type memory struct {
	store gate.Memory // nil: none

	mu    sync.Mutex // of changes to one entry
	inner *lru.Cache[key, entry]
}

func newMemory(entries int, store gate.Memory) (*memory, error) {
	inner, err := lru.New[key, entry](entries)
	if err != nil {
		return nil, err
	}
	return &memory{store: store, inner: inner}, nil
}

func (m *memory) len() int { return m.inner.Len() }

// recall finds a verdict that was made by the same database and still holds.
func (m *memory) recall(k key, database string, now time.Time) (Verdict, bool) {
	known, ok := m.inner.Get(k)
	if !ok || known.database != database || !now.Before(known.last.Until) {
		return Verdict{}, false
	}
	return known.last, true
}

// lastGood finds the last verdict allow, if it is not older than that.
func (m *memory) lastGood(k key, most time.Duration, now time.Time) (Verdict, bool) {
	known, ok := m.inner.Get(k)
	good := known.allowed
	return good, ok && good.Decision == policy.Allow && now.Sub(good.JudgedAt) <= most
}

// keep remembers a verdict in this process.
func (m *memory) keep(k key, database string, v Verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, _ := m.inner.Peek(k)
	known.last, known.database = v, database
	switch v.Decision {
	case policy.Allow:
		known.allowed = v
	case policy.Deny:
		known.allowed = Verdict{} // it is known to be bad now: no older word counts
	}
	m.inner.Add(k, known)
}

// storeTime bounds a look into the store: a slow one is slower than a check.
const storeTime = 500 * time.Millisecond

// fetch finds in the store what recall would have found here.
func (m *memory) fetch(ctx context.Context, k key, database string, now time.Time) (Verdict, bool) {
	if m.store == nil {
		return Verdict{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	data, _, ok := m.store.Get(ctx, k.stored(database))
	var v Verdict
	if !ok || json.Unmarshal(data, &v) != nil || !v.believable() {
		return Verdict{}, false
	}
	return v, now.Before(v.Until)
}

// share writes a verdict that others may use into the store: not one that is
// undecided, which may be of this machine.
func (m *memory) share(ctx context.Context, k key, database string, v Verdict) {
	if m.store == nil || !v.believable() {
		return
	}
	if data, err := json.Marshal(v); err == nil {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		m.store.Put(ctx, k.stored(database), data)
	}
}

// stored is the key in the store.
func (k key) stored(database string) string {
	data, _ := json.Marshal([]string{k.basis, database, k.scope, k.reference}) // texts can be written
	return "verdict " + string(data)
}
