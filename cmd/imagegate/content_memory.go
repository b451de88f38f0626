package main

import (
	"errors"
	"math"

	"github.com/dustin/go-humanize"

	"github.com/imagegate/imagegate/gate/filetree"
)

// contentMemory is how many bytes of the files of one image are kept in memory, as a
// flag. What is beyond goes to one temporary file.
type contentMemory int64

// String, Set and Type implement pflag.Value.
func (m *contentMemory) String() string { return size(int64(*m)) }

func (m *contentMemory) Set(text string) error {
	bytes, err := humanize.ParseBytes(text)
	if err != nil || bytes > math.MaxInt64 {
		return errors.New("it is no size: 64MiB, for example")
	}
	*m = contentMemory(bytes)
	return nil
}

func (m *contentMemory) Type() string { return "size" }

// limits are those of reading layers, in which zero means the default.
func (m contentMemory) limits() filetree.Limits {
	if m == 0 {
		return filetree.Limits{Memory: -1}
	}
	return filetree.Limits{Memory: int64(m)}
}
