package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/imagegate/imagegate/sbom"
)

// elfMagic begins every ELF file (System V ABI, ELF header).
const elfMagic = "\x7fELF"

// The values of the ELF header that are looked at (elf(5)).
const (
	elfClass32, elfClass64   = 1, 2
	elfLittle, elfBig        = 1, 2
	elfExecutable, elfShared = 2, 3
	elfInterpreterSegment    = 3
	elfHeaderBytes           = 64
)

// elfHeader is what of an ELF header decides whether the kernel starts it.
// debug/elf reads section tables too and allocates what they ask for; the kernel
// needs none of that, and neither do we.
type elfHeader struct {
	wide    bool // 64 bit
	order   binary.ByteOrder
	kind    uint16
	machine uint16
	entry   uint64
	phoff   uint64
	phsize  uint16
	phnum   uint16
}

// parseELFHeader reads the header at the beginning of a file.
func parseELFHeader(head []byte) (elfHeader, bool) {
	if len(head) < 52 || string(head[:4]) != elfMagic {
		return elfHeader{}, false
	}
	h := elfHeader{order: binary.LittleEndian}
	if head[5] == elfBig {
		h.order = binary.BigEndian
	} else if head[5] != elfLittle {
		return elfHeader{}, false
	}
	h.kind, h.machine = h.order.Uint16(head[16:]), h.order.Uint16(head[18:])
	switch {
	case head[4] == elfClass32:
		h.entry, h.phoff = uint64(h.order.Uint32(head[24:])), uint64(h.order.Uint32(head[28:]))
		h.phsize, h.phnum = h.order.Uint16(head[42:]), h.order.Uint16(head[44:])
	case head[4] == elfClass64 && len(head) >= elfHeaderBytes:
		h.wide = true
		h.entry, h.phoff = h.order.Uint64(head[24:]), h.order.Uint64(head[32:])
		h.phsize, h.phnum = h.order.Uint16(head[54:]), h.order.Uint16(head[56:])
	default:
		return elfHeader{}, false
	}
	return h, true
}

// starts says whether this is a program rather than a library, object or core.
// A shared object is a program if it has an entry address: linkers leave it 0 in
// libraries, and what has none would jump into its own header. PT_INTERP does
// not tell: a static position-independent program has none.
func (h elfHeader) starts() bool {
	return h.kind == elfExecutable || h.kind == elfShared && h.entry != 0
}

// loaderOf returns the path in PT_INTERP; empty in a static program.
func (h elfHeader) loaderOf(file io.ReaderAt) (string, error) {
	size := 32
	if h.wide {
		size = 56
	}
	table := int(h.phnum) * size
	if int(h.phsize) != size || h.phnum == 0 || table > maxProgramHeaders || h.phoff > 1<<62 {
		return "", errors.New("program headers are malformed")
	}
	headers := make([]byte, table)
	if _, err := file.ReadAt(headers, int64(h.phoff)); err != nil {
		return "", fmt.Errorf("program headers are cut off: %w", err)
	}
	for ; len(headers) > 0; headers = headers[size:] {
		if h.order.Uint32(headers) == elfInterpreterSegment {
			return h.loaderPath(file, headers)
		}
	}
	return "", nil
}

func (h elfHeader) loaderPath(file io.ReaderAt, header []byte) (string, error) {
	offset, size := uint64(h.order.Uint32(header[4:])), uint64(h.order.Uint32(header[16:]))
	if h.wide {
		offset, size = h.order.Uint64(header[8:]), h.order.Uint64(header[32:])
	}
	if size < 2 || size > maxLoaderPath || offset > 1<<62 {
		return "", errors.New("path of the loader is malformed")
	}
	name := make([]byte, size)
	if _, err := file.ReadAt(name, int64(offset)); err != nil {
		return "", fmt.Errorf("path of the loader is cut off: %w", err)
	}
	loader, _, terminated := bytes.Cut(name, []byte{0})
	if !terminated {
		return "", errors.New("path of the loader is not terminated")
	}
	return string(loader), nil
}

// load judges an ELF program: the right machine, and a loader that is there.
func (p *process) load(file sbom.File) error {
	loader, err := p.checkELF(file)
	if err != nil || loader == "" {
		return err
	}
	program, err := p.executable(loader)
	if err != nil {
		return blocked("loader of %s: %v", file.Path, err)
	}
	_, err = p.checkELF(program)
	return err
}

// checkELF returns the loader that an ELF file asks for.
func (p *process) checkELF(file sbom.File) (string, error) {
	content, err := p.files.Open(file)
	if errors.Is(err, sbom.ErrNotKept) {
		return "", blocked("%s is not an ELF program", file.Path)
	}
	if err != nil {
		return "", err
	}
	defer content.Close()
	head := make([]byte, elfHeaderBytes)
	n, err := content.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	header, ok := parseELFHeader(head[:n])
	if !ok || !header.starts() {
		return "", blocked("%s is not an ELF program", file.Path)
	}
	if want, ok := machines[p.architecture]; ok && !want.runs(header) {
		return "", blocked("%s is not a program for %s (ELF machine %d)", file.Path, p.architecture, header.machine)
	}
	loader, err := header.loaderOf(content)
	if err != nil {
		return "", blocked("%s: %v", file.Path, err)
	}
	return loader, nil
}
