package dense

import (
	"encoding/binary"
	"strings"
)

// Texts holds many short texts in few allocations. The zero Texts holds none.
type Texts struct {
	blocks []*strings.Builder // each with the lengths of its texts before them
	next   int                // size of the next block
}

// Text is one of them: the number of its block, and where in the block it begins.
type Text uint32

const (
	blockBits     = 16
	smallestBlock = 1 << 10
	largestBlock  = 1 << blockBits

	// MaxText is how long a text may be, in bytes.
	MaxText = largestBlock - binary.MaxVarintLen32
	// MaxTexts is how much room there is at least, in bytes, for fewer than 1<<28
	// texts none of which is longer than MaxText/8.
	MaxTexts = 2 << 30
)

// Add keeps a copy of s. It panics where there is no room: whoever holds texts from
// outside holds them to MaxText and MaxTexts first.
func (t *Texts) Add(s string) Text {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(s)))
	block := t.blockFor(n + len(s))
	at := block.Len()
	block.Write(length[:n])
	block.WriteString(s)
	return Text((len(t.blocks)-1)<<blockBits | at)
}

// blockFor returns the last block, which has room for size bytes.
func (t *Texts) blockFor(size int) *strings.Builder {
	if last := len(t.blocks) - 1; last >= 0 && t.blocks[last].Cap()-t.blocks[last].Len() >= size {
		return t.blocks[last]
	}
	if size > largestBlock || len(t.blocks) == 1<<(32-blockBits) {
		panic("dense: no room for another text")
	}
	t.next = min(max(2*t.next, smallestBlock), largestBlock)
	block := new(strings.Builder)
	block.Grow(max(t.next, size))
	t.blocks = append(t.blocks, block)
	return block
}

// At returns a text, without a copy.
func (t *Texts) At(text Text) string {
	s := t.blocks[text>>blockBits].String()[text&(largestBlock-1):]
	length, digits := int(s[0]), 1
	if length >= 0x80 {
		length, digits = longLength(s)
	}
	return s[digits : digits+length]
}

// longLength reads the length that begins s, and how many bytes it takes.
func longLength(s string) (length, digits int) {
	for shift := 0; ; shift += 7 {
		b := s[digits]
		digits++
		length |= int(b&0x7f) << shift
		if b < 0x80 {
			return length, digits
		}
	}
}
