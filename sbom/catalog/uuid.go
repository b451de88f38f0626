package catalog

import (
	"crypto/sha256"
	"fmt"
)

// uuidOf is a UUID that follows from a name (RFC 9562, section 5.8: version 8, the
// bits are the maker's choice, here those of the name's SHA-256).
func uuidOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
