package inspect

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"

	"github.com/moby/sys/capability"
)

// fileCapability is a program's security.capability: the kernel gives whoever runs
// it what is permitted, and what is inheritable if the caller has it to inherit
// (capabilities(7), "Transformation of capabilities during execve").
type fileCapability struct {
	permitted, inheritable uint64 // by number of the capability
	effective              bool   // they count from the start; the program need not ask
	root                   uint32 // owner of the user namespaces that it counts in; 0 everywhere
}

// The revisions and flags of struct vfs_cap_data (linux/capability.h). Every number
// in it is little-endian.
const (
	capRevisionMask = 0xff000000
	capRevision1    = 0x01000000
	capRevision2    = 0x02000000
	capRevision3    = 0x03000000
	capEffective    = 0x000001
)

// capWords is how many pairs of 32 permitted and inheritable capabilities a
// revision has.
var capWords = map[uint32]int{capRevision1: 1, capRevision2: 2, capRevision3: 2}

// parseFileCapability reads a struct vfs_cap_data; false where the kernel would see
// none in it.
func parseFileCapability(value string) (fileCapability, bool) {
	const word = 4
	if len(value) < word {
		return fileCapability{}, false
	}
	data := []byte(value)
	magic := binary.LittleEndian.Uint32(data)
	words, known := capWords[magic&capRevisionMask]
	size := word + 2*word*words
	if magic&capRevisionMask == capRevision3 {
		size += word
	}
	if !known || len(data) != size || magic&^(capRevisionMask|capEffective) != 0 {
		return fileCapability{}, false
	}
	c := fileCapability{effective: magic&capEffective != 0}
	for i := range words {
		pair := data[word+2*word*i:]
		c.permitted |= uint64(binary.LittleEndian.Uint32(pair)) << (32 * i)
		c.inheritable |= uint64(binary.LittleEndian.Uint32(pair[word:])) << (32 * i)
	}
	if magic&capRevisionMask == capRevision3 {
		c.root = binary.LittleEndian.Uint32(data[size-word:])
	}
	return c, true
}

// String is in the form of cap_to_text(3) and getcap(8): "cap_net_raw=ep". Empty
// where no capability is raised.
func (c fileCapability) String() string {
	var groups []string
	for _, group := range []struct {
		set   uint64
		flags string
	}{
		{c.permitted &^ c.inheritable, "p"},
		{c.permitted & c.inheritable, "ip"},
		{c.inheritable &^ c.permitted, "i"},
	} {
		if group.set == 0 {
			continue
		}
		if c.effective {
			group.flags = "e" + group.flags
		}
		groups = append(groups, capabilityNames(group.set)+"="+group.flags)
	}
	if len(groups) > 0 && c.root != 0 {
		groups = append(groups, fmt.Sprintf("[rootid=%d]", c.root))
	}
	return strings.Join(groups, " ")
}

// capabilityNames lists a set by the names of the kernel's header. A set that has
// all that are known is "all", as in cap_from_text(3).
func capabilityNames(set uint64) string {
	known := capability.ListKnown()
	if all := uint64(1)<<len(known) - 1; set&all == all {
		return "all"
	}
	var names []string
	for ; set != 0; set &= set - 1 {
		if i := bits.TrailingZeros64(set); i < len(known) {
			names = append(names, "cap_"+known[i].String())
		} else {
			names = append(names, fmt.Sprintf("cap_%d", i))
		}
	}
	return strings.Join(names, ",")
}
