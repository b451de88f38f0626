package dense

import (
	"hash/maphash"
	"iter"
)

// Table finds numbers by what they stand for: a text within a group, such as a name
// in a directory. It holds nothing but the numbers, and asks its user for the rest.
// Number 0 stands for nothing and is in no table.
type Table struct {
	key   Key
	seed  maphash.Seed
	slots []uint32
	used  int
}

// Key says what a number stands for.
type Key func(number uint32) (group uint32, text string)

// NewTable makes an empty table with room for some numbers; it makes more room where
// there are more.
func NewTable(room int, key Key) *Table {
	slots := 64
	for slots/4*3 < room {
		slots *= 2
	}
	return &Table{key: key, seed: maphash.MakeSeed(), slots: make([]uint32, slots)}
}

// Find returns the number that stands for a text, or 0.
func (t *Table) Find(group uint32, text string) uint32 {
	return t.slots[t.slot(group, text)]
}

// Add lets a number be found by what it stands for, which no other may be.
func (t *Table) Add(number uint32) {
	t.used++
	if t.used > len(t.slots)/4*3 {
		t.grow()
	}
	t.slots[t.free(t.hash(t.key(number)))] = number
}

// Replace is Add in the place of the number that was found by the same until now,
// which is returned; 0 where there was none.
func (t *Table) Replace(number uint32) (before uint32) {
	slot := t.slot(t.key(number))
	before = t.slots[slot]
	if before == 0 {
		t.Add(number)
	} else {
		t.slots[slot] = number
	}
	return before
}

// All yields the numbers, in no particular order.
func (t *Table) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, number := range t.slots {
			if number != 0 && !yield(number) {
				return
			}
		}
	}
}

// slot returns where the number for a text is, or would be.
func (t *Table) slot(group uint32, text string) uint64 {
	for slot := t.hash(group, text); ; slot++ {
		slot &= uint64(len(t.slots) - 1)
		number := t.slots[slot]
		if number == 0 {
			return slot
		}
		if g, s := t.key(number); g == group && s == text {
			return slot
		}
	}
}

// free returns the first slot from there on that holds nothing.
func (t *Table) free(slot uint64) uint64 {
	for ; ; slot++ {
		if slot &= uint64(len(t.slots) - 1); t.slots[slot] == 0 {
			return slot
		}
	}
}

func (t *Table) grow() {
	old := t.slots
	t.slots = make([]uint32, 2*len(old))
	for _, number := range old {
		if number != 0 {
			t.slots[t.free(t.hash(t.key(number)))] = number
		}
	}
}

// hash is seeded, so that no image can choose names that collide.
func (t *Table) hash(group uint32, text string) uint64 {
	const golden = 0x9e3779b97f4a7c15 // spreads the groups
	return maphash.String(t.seed, text) ^ uint64(group)*golden>>32
}
