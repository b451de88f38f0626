package catalog

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
)

// Bounds of what is read of an ELF file to find its dynamic loader.
const (
	maxProgramHeaders    = 512
	maxInterpreterLength = 4096 // PATH_MAX
)

// interpreter is the dynamic loader that an ELF program asks for (PT_INTERP), or ""
// where it is static, a library or malformed. Only the program headers are read,
// since the standard library reads tables whose size the file chooses.
func interpreter(content io.ReaderAt) string {
	var ident [elf.EI_NIDENT]byte
	if _, err := content.ReadAt(ident[:], 0); err != nil || !bytes.HasPrefix(ident[:], []byte(elf.ELFMAG)) {
		return ""
	}
	var order binary.ByteOrder = binary.LittleEndian
	if elf.Data(ident[elf.EI_DATA]) == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	if elf.Class(ident[elf.EI_CLASS]) == elf.ELFCLASS32 {
		return interpreter32(content, order)
	}
	return interpreter64(content, order)
}

func interpreter64(content io.ReaderAt, order binary.ByteOrder) string {
	header, ok := readAt[elf.Header64](content, order, 0)
	if !ok {
		return ""
	}
	for i := range min(int64(header.Phnum), maxProgramHeaders) {
		program, ok := readAt[elf.Prog64](content, order, int64(header.Phoff)+i*int64(header.Phentsize))
		if !ok {
			return ""
		}
		if elf.ProgType(program.Type) == elf.PT_INTERP {
			return readPath(content, int64(program.Off), program.Filesz)
		}
	}
	return ""
}

func interpreter32(content io.ReaderAt, order binary.ByteOrder) string {
	header, ok := readAt[elf.Header32](content, order, 0)
	if !ok {
		return ""
	}
	for i := range min(int64(header.Phnum), maxProgramHeaders) {
		program, ok := readAt[elf.Prog32](content, order, int64(header.Phoff)+i*int64(header.Phentsize))
		if !ok {
			return ""
		}
		if elf.ProgType(program.Type) == elf.PT_INTERP {
			return readPath(content, int64(program.Off), uint64(program.Filesz))
		}
	}
	return ""
}

// readAt decodes one header. An offset beyond the file, or negative after the
// conversion, is a header that is not there.
func readAt[T any](content io.ReaderAt, order binary.ByteOrder, offset int64) (header T, ok bool) {
	if offset < 0 {
		return header, false
	}
	size := int64(binary.Size(header))
	return header, binary.Read(io.NewSectionReader(content, offset, size), order, &header) == nil
}

func readPath(content io.ReaderAt, offset int64, length uint64) string {
	if offset < 0 || length == 0 || length > maxInterpreterLength {
		return ""
	}
	name := make([]byte, length)
	if _, err := content.ReadAt(name, offset); err != nil {
		return ""
	}
	name, _, _ = bytes.Cut(name, []byte{0})
	return string(name)
}
