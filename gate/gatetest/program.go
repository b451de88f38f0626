package gatetest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
)

// Program is a static ELF program for amd64 as far as anybody looks at its
// headers: it is no shell, and it is never run.
func Program() string {
	var b bytes.Buffer
	// Writing fixed-size values to a bytes.Buffer cannot fail.
	_ = binary.Write(&b, binary.LittleEndian, elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Entry: 0x400078, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	})
	_ = binary.Write(&b, binary.LittleEndian, elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: 0x400000, Filesz: 120, Memsz: 120, Align: 0x1000,
	})
	return b.String()
}

// Library is an ELF library with sections, a loader, and text in its code.
func Library(text string) string {
	const names = "\x00.text\x00.shstrtab\x00.interp\x00"
	code := text + strings.Repeat("\x90", 64<<10)
	loader := "/lib64/ld-linux-x86-64.so.2\x00"
	codeAt := uint64(64 + 2*56)
	loaderAt := codeAt + uint64(len(code))
	namesAt := loaderAt + uint64(len(loader))
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&b, binary.LittleEndian, v) // a buffer does not fail
		}
	}
	put(elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Entry: 0x1000, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2, Shoff: namesAt + uint64(len(names)), Shentsize: 64, Shnum: 3, Shstrndx: 2,
	}, elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Off: codeAt, Filesz: uint64(len(code)), Memsz: uint64(len(code))},
		elf.Prog64{Type: uint32(elf.PT_INTERP), Off: loaderAt, Filesz: uint64(len(loader))})
	b.WriteString(code + loader + names)
	put(elf.Section64{}, elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: codeAt, Size: uint64(len(code))},
		elf.Section64{Name: 7, Type: uint32(elf.SHT_STRTAB), Off: namesAt, Size: uint64(len(names))})
	return b.String()
}
