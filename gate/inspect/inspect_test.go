package inspect

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

var _ gate.Inspector = (*Inspector)(nil)

// tree is the real file tree of these layers, with the content that Wants keeps.
func tree(t testing.TB, layers ...[]gatetest.Entry) sbom.Files {
	t.Helper()
	return treeKeeping(t, Wants, layers...)
}

func treeKeeping(t testing.TB, keep filetree.Keep, layers ...[]gatetest.Entry) sbom.Files {
	t.Helper()
	return treeBy(t, filetree.Rules{Keep: keep}, layers...)
}

func treeBy(t testing.TB, rules filetree.Rules, layers ...[]gatetest.Entry) sbom.Files {
	t.Helper()
	store := filetree.NewStore(filetree.Limits{})
	var read []*filetree.Layer
	for i, entries := range layers {
		layer, err := store.ReadLayer(context.Background(), diffID(i), bytes.NewReader(gatetest.Tar(t, entries...)), rules)
		require.NoError(t, err)
		read = append(read, layer)
	}
	merged, err := store.Merge(context.Background(), read)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, merged.Close())
		require.NoError(t, store.Close())
	})
	return merged
}

func diffID(layer int) string { return "sha256:layer" + string(rune('0'+layer)) }

// file is an entry of mode 0755 for what looks like a program, else 0644.
func file(path, content string) gatetest.Entry {
	return gatetest.Files(map[string]string{path: content})[0]
}

func chmod(mode fs.FileMode, entry gatetest.Entry) gatetest.Entry {
	entry.Mode = entry.Mode&fs.ModeDir | mode
	return entry
}

func chown(uid, gid int, entry gatetest.Entry) gatetest.Entry {
	entry.UID, entry.GID = uid, gid
	return entry
}

func symlink(path, target string) gatetest.Entry {
	return gatetest.Entry{Path: path, Symlink: target}
}

func hardlink(path, target string) gatetest.Entry {
	return gatetest.Entry{Path: path, Hardlink: target, Mode: 0o755}
}

func linux(config v1.Config) *v1.ConfigFile {
	return &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: config}
}

// elf is a small ELF program: a header, PT_INTERP if it has a loader, and its
// texts. The kernel would accept its headers; there is no code.
type elf struct {
	machine uint16
	kind    uint16
	noEntry bool
	big     bool
	loader  string
	texts   []string
}

func (e elf) String() string {
	var order binary.AppendByteOrder = binary.LittleEndian
	data := []byte{0x7f, 'E', 'L', 'F', elfClass64, elfLittle, 1, 15: 0}
	if e.big {
		order, data[5] = binary.BigEndian, elfBig
	}
	if e.machine == 0 {
		e.machine = 62
	}
	if e.kind == 0 {
		e.kind = elfExecutable
	}
	entry := uint64(0x1000)
	if e.noEntry {
		entry = 0
	}
	data = order.AppendUint16(order.AppendUint16(data, e.kind), e.machine)
	data = order.AppendUint32(data, 1)
	data = order.AppendUint64(order.AppendUint64(order.AppendUint64(data, entry), 64), 0)
	data = order.AppendUint32(data, 0)
	for _, half := range []uint16{64, 56, 2, 0, 0, 0} {
		data = order.AppendUint16(data, half)
	}
	data = segment(data, order, 1, 0, 64)
	kind := uint32(0)
	if e.loader != "" {
		kind = elfInterpreterSegment
	}
	data = segment(data, order, kind, 64+2*56, uint64(len(e.loader)+1))
	data = append(append(data, e.loader...), 0)
	for _, text := range e.texts {
		data = append(append(data, text...), 0)
	}
	return string(data)
}

func segment(data []byte, order binary.AppendByteOrder, kind uint32, offset, size uint64) []byte {
	data = order.AppendUint32(order.AppendUint32(data, kind), 5)
	for _, field := range []uint64{offset, offset, offset, size, size, 1} {
		data = order.AppendUint64(data, field)
	}
	return data
}

// plain is a static program that is no shell.
var plain = elf{}.String()

// texts of a shell as they stand in its program.
func textsOf(name string, n int) []string {
	var out []string
	for _, mark := range shellMarks {
		if mark.name == name {
			for _, t := range mark.texts[:n] {
				out = append(out, string(joined(t)))
			}
			return out
		}
	}
	return out
}

func shell(name string) string { return elf{texts: textsOf(name, len(texts(name)))}.String() }

func texts(name string) []string {
	for _, mark := range shellMarks {
		if mark.name == name {
			return mark.texts
		}
	}
	return nil
}

func busybox() string {
	return elf{texts: append(textsOf("busybox", 2), "[\x00arp\x00as"+"h\x00awk\x00cat\x00s"+"h\x00wget")}.String()
}

func inspectFiles(t testing.TB, config *v1.ConfigFile, files sbom.Files) policy.Inspection {
	t.Helper()
	inspection, err := New().Files(context.Background(), config, files)
	require.NoError(t, err)
	return inspection
}
