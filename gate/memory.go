package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/imagegate/imagegate/sbom"
)

// Memory keeps bytes under keys, for whoever asks next: this process or another.
// gate/store implements it.
//
// Only facts are remembered, never a verdict: what lies in an image of this
// digest, what is in its bill of materials, which vulnerabilities one database
// knows for it, which signatures verified. The verdict is made anew each time,
// since it is cheap and depends on the time: exceptions expire, grace periods end
// and databases grow old. A fact is remembered only if it is permanent; a failure
// never is.
type Memory interface {
	// Get returns what was put under a key and how long ago; false where there is
	// nothing, or nothing that can be believed.
	Get(ctx context.Context, key string) (value []byte, age time.Duration, ok bool)
	// Put keeps a value, if it can. A large one may come in pieces, which are joined; it
	// is then kept as it is, so compress it before.
	Put(ctx context.Context, key string, value ...[]byte)
}

// Codec turns bills of materials into bytes and back. sbom/catalog implements it.
type Codec interface {
	EncodeDocument(*sbom.Document) ([]byte, error)
	// EncodeInventory writes only what a Matcher looks at.
	EncodeInventory(*sbom.Document) ([]byte, error)
	// DecodeDocument reads what either wrote, as the document of an image with the
	// same digest: under which name it is asked for may have changed.
	DecodeDocument(data []byte, image sbom.Image) (*sbom.Document, error)
}

// WithMemory makes the gate remember what it finds out about images, and not find
// it out again. The engines' version is part of what is remembered: it has to
// change whenever the same bytes might yield other facts. Default: nothing is
// remembered.
func WithMemory(memory Memory, codec Codec, engines string) Option {
	return func(g *Gate) error {
		if memory == nil || codec == nil || engines == "" {
			return errors.New("a memory needs a codec and the version of the engines")
		}
		sum := sha256.Sum256([]byte(engines))
		g.memory = &memoirs{memory: memory, codec: codec, engines: hex.EncodeToString(sum[:8])}
		return nil
	}
}

// The kinds of facts, as the first word of their keys.
const (
	factFiles      = "files"      // what the files of a platform image say
	factPackages   = "packages"   // the bill of materials in our words
	factDocument   = "document"   // the same in the cataloger's own form, where somebody wanted it
	factInventory  = "inventory"  // as much of that as matching needs
	factMatches    = "matches"    // the vulnerabilities of a bill of materials
	factSignatures = "signatures" // what verified
)

// memoirs are the facts in a Memory. All methods of nil find and keep nothing.
type memoirs struct {
	memory  Memory
	codec   Codec
	engines string
}

// key names a fact: what kind, found by which engines, about which digest. More
// words say on what else it depends.
func (m *memoirs) key(kind, digest string, more ...string) string {
	key := kind + " " + m.engines + " " + digest
	for _, word := range more {
		key += " " + word
	}
	return key
}

// read finds a fact. One that cannot be decoded was not found.
func (m *memoirs) read(ctx context.Context, into any, kind, digest string, more ...string) (age time.Duration, ok bool) {
	if m == nil {
		return 0, false
	}
	value, age, ok := m.memory.Get(ctx, m.key(kind, digest, more...))
	return age, ok && json.Unmarshal(value, into) == nil
}

// write keeps a fact.
func (m *memoirs) write(ctx context.Context, fact any, kind, digest string, more ...string) {
	if m == nil {
		return
	}
	if value, err := json.Marshal(fact); err == nil {
		m.memory.Put(ctx, m.key(kind, digest, more...), value)
	}
}

// The words of Result.Cache. Of several platform images the worst counts.
const (
	cacheHit   = "hit"   // all of it was remembered
	cacheStale = "stale" // it was, but no longer holds
	cacheMiss  = "miss"
)

// cacheUse is what was remembered instead of done, by the parts of the evidence.
type cacheUse map[string]string

// note adds how one part of one image was had.
func (u cacheUse) note(part, word string) {
	rank := map[string]int{"": 0, cacheHit: 1, cacheStale: 2, cacheMiss: 3}
	if rank[word] > rank[u[part]] {
		u[part] = word
	}
}
