package catalog

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/imagegate/imagegate/sbom"
)

// Condense says which parts of a file catalogers will ask for that Wants keeps only
// because it begins like a program: what makes it one, and nothing that is in it.
// False where a cataloger may want more: the file has a wanted name, or something in
// it that catalogers look for in every program, or is unusual in any way.
//
// Catalogers that are handed the remains find zeros where nothing of theirs was, and
// the same nothing. Those that ask for a file by name are not handed remains.
func Condense(name string, content []byte) ([]sbom.Range, bool) {
	if byName(name) && !isLibrary(name) || isVariant(path.Base(name)) || slices.ContainsFunc(programMarks, func(mark []byte) bool { return bytes.Contains(content, mark) }) {
		return nil, false
	}
	parts, ok := skeleton(content)
	if !ok {
		return nil, false
	}
	return joinRanges(parts), true
}

// isLibrary says whether the only reason why a file may be asked for by name is that
// it is called a shared object. Catalogers look at those of PHP, and at few others by
// their whole names.
func isLibrary(name string) bool {
	base := path.Base(name)
	return path.Ext(base) == ".so" && !wantedNames[base] && !hasPrefix(base, wantedPrefixes) && !strings.Contains(name, "php")
}

// isVariant says whether a name is one of those that a link with a wanted name leads to:
// ruby3.1 for ruby, x86_64-linux-gnu-gcc-12 for gcc, mariadbd for mysqld. Their remains
// would not do, and all layers be read again.
func isVariant(base string) bool {
	words := strings.FieldsFunc(base, func(r rune) bool { return !unicode.IsLetter(r) })
	return slices.ContainsFunc(words, func(word string) bool {
		for end := min(len(word), shortName); end <= len(word); end++ {
			if wantedNames[word[:end]] {
				return true
			}
		}
		return false
	})
}

// shortName is the length of a name, in bytes, that says nothing as the beginning of
// another one.
const shortName = 4

// programMarks are what the catalogers of syft that are handed every program look
// for in it.
var programMarks = [][]byte{
	[]byte("\xff Go buildinf:"),                // Go's build information
	[]byte("UPX!"),                             // packed programs
	[]byte(".dep-v0"), []byte(".rust-deps-v0"), // cargo-auditable
	[]byte(".note.package"),                        // packages that describe themselves
	[]byte("sbom_length"),                          // GraalVM native images
	[]byte("\x8b\x12\x02\xb9\x6a\x61\x20\x38\x72"), // bundles of .NET
}

// The fields of an ELF header and of its tables (elf(5)), by class.
type elfLayout struct {
	header, program, section              int // sizes
	phoff, shoff, phentsize               int // fields of the header; counts follow the size
	flags, offset, size                   int // fields of a section header
	segmentOffset, segmentSize, wordBytes int // fields of a program header
}

var (
	elf32 = elfLayout{52, 32, 40, 28, 32, 42, 8, 16, 20, 4, 16, 4}
	elf64 = elfLayout{64, 56, 64, 32, 40, 54, 8, 24, 32, 8, 32, 8}
)

const (
	elfInterpreter = 3       // PT_INTERP
	elfCompressed  = 1 << 11 // SHF_COMPRESSED
	// headKept is the beginning of a program that is kept: as much as media types are
	// recognised by.
	headKept = 4 << 10
)

// skeleton are the parts by which an ELF file is parsed: its beginning, its tables,
// the names of its sections and the path of its loader. False where a table does not
// lie in the file, or where a section is compressed.
func skeleton(content []byte) ([]sbom.Range, bool) {
	e, ok := newELF(content)
	if !ok {
		return nil, false
	}
	parts := []sbom.Range{{Offset: 0, Length: min(headKept, int64(len(content)))}}
	programs := e.table(e.word(e.phoff), e.half(e.phentsize), e.half(e.phentsize+2), e.program)
	sections := e.table(e.word(e.shoff), e.half(e.phentsize+4), e.half(e.phentsize+6), e.section)
	names := e.half(e.phentsize + 8)
	if e.bad || names >= int64(len(sections)/e.section) {
		return nil, false
	}
	for at := 0; at < len(programs); at += e.program {
		if header := programs[at:]; e.order.Uint32(header) == elfInterpreter {
			parts = append(parts, sbom.Range{Offset: e.wordIn(header, e.segmentOffset), Length: e.wordIn(header, e.segmentSize)})
		}
	}
	for at := 0; at < len(sections); at += e.section {
		header := sections[at:]
		if e.wordIn(header, e.flags)&elfCompressed != 0 {
			return nil, false
		}
		if int64(at/e.section) == names {
			parts = append(parts, sbom.Range{Offset: e.wordIn(header, e.offset), Length: e.wordIn(header, e.size)})
		}
	}
	return append(parts, e.tables...), !e.bad && within(parts, int64(len(content)))
}

func within(parts []sbom.Range, size int64) bool {
	for _, p := range parts {
		if p.Offset < 0 || p.Length < 0 || p.Offset > size || p.Length > size-p.Offset {
			return false
		}
	}
	return true
}

// elfFile is an ELF file as far as its tables.
type elfFile struct {
	elfLayout

	content []byte
	order   binary.ByteOrder
	tables  []sbom.Range
	bad     bool
}

func newELF(content []byte) (*elfFile, bool) {
	if len(content) < elf64.header || string(content[:4]) != "\x7fELF" {
		return nil, false
	}
	e := &elfFile{content: content, elfLayout: elf64, order: binary.LittleEndian}
	switch content[4] {
	case 1:
		e.elfLayout = elf32
	case 2:
	default:
		return nil, false
	}
	switch content[5] {
	case 1:
	case 2:
		e.order = binary.BigEndian
	default:
		return nil, false
	}
	return e, true
}

func (e *elfFile) half(at int) int64 { return int64(e.order.Uint16(e.content[at:])) }
func (e *elfFile) word(at int) int64 { return e.wordIn(e.content, at) }

// wordIn reads a word of the file's class. One that is too large for an offset is
// negative, and within no file.
func (e *elfFile) wordIn(data []byte, at int) int64 {
	if e.wordBytes == 4 {
		return int64(e.order.Uint32(data[at:]))
	}
	return int64(e.order.Uint64(data[at:]))
}

// table is one of the two tables of headers, which is remembered as a part.
func (e *elfFile) table(offset, entry, count int64, want int) []byte {
	size := int64(len(e.content))
	if entry != int64(want) || offset <= 0 || offset > size || count*entry > size-offset {
		e.bad = e.bad || count > 0 || offset != 0 // no table at all is one of no headers
		return nil
	}
	if count > 0 {
		e.tables = append(e.tables, sbom.Range{Offset: offset, Length: count * entry})
	}
	return e.content[offset : offset+count*entry]
}

// joinRanges puts parts in order and joins those that touch.
func joinRanges(parts []sbom.Range) []sbom.Range {
	slices.SortFunc(parts, func(a, b sbom.Range) int { return int(a.Offset - b.Offset) })
	var joined []sbom.Range
	for _, p := range parts {
		if last := len(joined) - 1; last >= 0 && p.Offset <= joined[last].Offset+joined[last].Length {
			joined[last].Length = max(joined[last].Length, p.Offset+p.Length-joined[last].Offset)
		} else if p.Length > 0 {
			joined = append(joined, p)
		}
	}
	return joined
}
