package inspect

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// elf32 is a 32-bit little-endian ARM program with a loader.
func elf32(loader string) []byte {
	data := append([]byte{0x7f, 'E', 'L', 'F', elfClass32, elfLittle, 1, 15: 0}, 2, 0, 40, 0, 1, 0, 0, 0)
	for _, word := range []uint32{0x8000, 52, 0, 0} { // entry, phoff, shoff, flags
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	for _, half := range []uint16{52, 32, 1, 0, 0, 0} {
		data = binary.LittleEndian.AppendUint16(data, half)
	}
	for _, word := range []uint32{elfInterpreterSegment, 52 + 32, 0, 0, uint32(len(loader) + 1), 0, 4, 1} {
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	return append(append(data, loader...), 0)
}

func TestELFOf32Bit(t *testing.T) {
	t.Parallel()
	data := elf32("/lib/ld-linux-armhf.so.3")
	header, ok := parseELFHeader(data)
	require.True(t, ok)
	require.True(t, header.starts())
	require.True(t, machines["arm"].runs(header))
	require.False(t, machines["amd64"].runs(header))
	loader, err := header.loaderOf(strings.NewReader(string(data)))
	require.NoError(t, err)
	require.Equal(t, "/lib/ld-linux-armhf.so.3", loader)
}

func TestMalformedELF(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{
		"class":      func(b []byte) []byte { b[4] = 3; return b },
		"byte order": func(b []byte) []byte { b[5] = 0; return b },
		"cut off":    func(b []byte) []byte { return b[:60] },
		"magic":      func(b []byte) []byte { b[0] = 'x'; return b },
	} {
		_, ok := parseELFHeader(change([]byte(dynamic(loader))))
		require.False(t, ok, name)
	}
	for name, change := range map[string]func([]byte) []byte{
		"no program headers":              func(b []byte) []byte { b[56] = 0; return b },
		"65535 program headers":           func(b []byte) []byte { b[56], b[57] = 0xff, 0xff; return b },
		"size of a program header":        func(b []byte) []byte { b[54] = 57; return b },
		"program headers beyond the file": func(b []byte) []byte { b[39] = 0x7f; return b },
		"loader of a gigabyte":            func(b []byte) []byte { b[64+56+35] = 0x40; return b },
		"loader of one byte":              func(b []byte) []byte { b[64+56+32] = 1; return b },
		"loader beyond the file":          func(b []byte) []byte { b[64+56+8+2] = 1; return b },
		"loader without an end":           func(b []byte) []byte { b[64+56+32]--; return b },
	} {
		data := change([]byte(dynamic(loader)))
		header, ok := parseELFHeader(data)
		require.True(t, ok, name)
		_, err := header.loaderOf(strings.NewReader(string(data)))
		require.Error(t, err, name)
	}
}
