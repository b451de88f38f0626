package catalog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/imagegate/imagegate/sbom"
)

// executableTypes are the MIME types that catalogers ask for to find programs and
// shared libraries.
var executableTypes = map[string]bool{
	"application/x-executable":                      true,
	"application/x-elf":                             true,
	"application/x-sharedlib":                       true,
	"application/x-mach-binary":                     true,
	"application/vnd.microsoft.portable-executable": true,
}

// magicLength is how many bytes executableMagic has to see.
const magicLength = 8

// executableMagic says whether content begins like an ELF, PE or Mach-O file. It is
// wider than the types above: what it refuses cannot be of one of them.
func executableMagic(head []byte) bool {
	switch {
	case bytes.HasPrefix(head, []byte("\x7fELF")), bytes.HasPrefix(head, []byte("MZ")):
		return true
	case len(head) < magicLength:
		return false
	}
	switch binary.BigEndian.Uint32(head) {
	case 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe:
		return true
	case 0xcafebabe: // a universal Mach-O counts its parts here, a Java class has its version
		return head[7] < 30
	}
	return false
}

// findExecutables looks at the first bytes of every regular file. A file that was
// not kept is none: Wants keeps all that begin like one.
func (r *resolver) findExecutables() (map[string][]int32, error) {
	byType := map[string][]int32{}
	for n := range r.tree.all() {
		if n%1024 == 0 && r.ctx.Err() != nil {
			return nil, context.Cause(r.ctx)
		}
		if file := r.tree.at(n); file.kind != 0 || file.empty {
			continue
		}
		mimeType, err := r.executableType(n)
		if err != nil {
			return nil, fmt.Errorf("looking for executables: %w", err)
		}
		if executableTypes[mimeType] {
			byType[mimeType] = append(byType[mimeType], n)
		}
	}
	return byType, nil
}

// executableType is the MIME type of a file that begins like an executable, or "".
func (r *resolver) executableType(n int32) (string, error) {
	stated, ok := r.tree.files.Lstat(r.tree.path(n))
	if !ok {
		return "", nil
	}
	content, err := r.tree.files.Open(stated)
	if errors.Is(err, sbom.ErrNotKept) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("opening %s: %w", stated.Path, err)
	}
	defer func() { _ = content.Close() }()
	var head [magicLength]byte
	read, err := content.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", &readError{path: stated.Path, err: err}
	}
	if !executableMagic(head[:read]) {
		return "", nil
	}
	return typeOf(content, stated.Path)
}
