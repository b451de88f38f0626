package filetree

import (
	"fmt"

	"github.com/imagegate/imagegate/sbom/dense"
)

// Limits bound what an image may cost. A field that is zero has its default.
type Limits struct {
	// Layers of one image. Default 500, the depth at which overlayfs ends.
	Layers int
	// LayerBytes is the size of one layer's uncompressed tar, and of the files
	// in it (a sparse file is larger than its tar). Default 20 GiB.
	LayerBytes int64
	// TotalBytes is the size of the uncompressed tars of all layers that one
	// Store reads. Default 40 GiB.
	TotalBytes int64
	// Entries of all layers of one Store together, and names in one tree,
	// directories that are only implied included. Default 3,000,000.
	Entries int64
	// NameBytes is the length of all names and link targets that one Store holds,
	// and of all paths of one tree. Default 512 MiB.
	NameBytes int64
	// PathLength of one path or link target, in bytes. Default 4096, as PATH_MAX.
	PathLength int
	// Depth of one path, in components. Default 512.
	Depth int
	// Links that are followed on the way to one file. Default 40, as the kernel.
	Links int
	// Steps are the directories that Merge may search to find the places of all
	// entries. Images of real builders need a few for each entry; only links that
	// lead in circles through other links need more. Default 100,000,000.
	Steps int64
	// Capabilities is how many entries of all layers of one Store may state one. Real
	// images have a handful. Default 20,000.
	Capabilities int64
	// Memory for kept content, in bytes. What is beyond it goes to the temporary
	// file, and so does a file that is larger than a 64th of it. Default 8 MiB;
	// negative: none.
	Memory int64
	// Disk is the size of the temporary file. Default 8 GiB; negative: none.
	Disk int64
	// Directory of the temporary file. Default: that of os.TempDir.
	Directory string
}

// DefaultMemory is the default of Limits.Memory.
const DefaultMemory = 8 << 20

// withDefaults fills in the fields that are zero.
func (l Limits) withDefaults() Limits {
	orDefault(&l.Layers, 500)
	orDefault(&l.LayerBytes, 20<<30)
	orDefault(&l.TotalBytes, 40<<30)
	orDefault(&l.Entries, 3_000_000)
	orDefault(&l.NameBytes, 512<<20)
	orDefault(&l.PathLength, 4096)
	orDefault(&l.Depth, 512)
	orDefault(&l.Links, 40)
	orDefault(&l.Steps, 100_000_000)
	orDefault(&l.Capabilities, 20_000)
	orDefault(&l.Memory, DefaultMemory)
	orDefault(&l.Disk, 8<<30)
	// Layers, depths and links are held in 16 bits, names in 32; a tree counts as a
	// layer of its own.
	l.Layers = min(l.Layers, 1<<15-2)
	l.Depth = min(l.Depth, 1<<15-1)
	l.Links = min(l.Links, 1<<15-1)
	l.Entries = min(l.Entries, 1<<26)
	l.NameBytes = min(l.NameBytes, dense.MaxTexts)
	l.PathLength = min(l.PathLength, dense.MaxText/8)
	return l
}

func orDefault[T int | int64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// LimitError says that an image is larger than what the gate agreed to look at:
// it could not be judged.
type LimitError struct {
	Limit string // the field of Limits: "Entries"
	Max   int64
	Unit  string // of Max: "bytes", "names"
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("limit %q exceeded: more than %d %s", e.Limit, e.Max, e.Unit)
}

// Remedy is what to do next.
func (e *LimitError) Remedy() string {
	return fmt.Sprintf("make the image smaller, or raise the limit %q where the image is expected to be that large", e.Limit)
}

func layersError(l *Limits) error {
	return &LimitError{Limit: "Layers", Max: int64(l.Layers), Unit: "layers"}
}

func layerBytesError(l *Limits) error {
	return &LimitError{Limit: "LayerBytes", Max: l.LayerBytes, Unit: "uncompressed bytes in one layer"}
}

func entriesError(l *Limits) error {
	return &LimitError{Limit: "Entries", Max: l.Entries, Unit: "files and directories"}
}

func nameBytesError(l *Limits) error {
	return &LimitError{Limit: "NameBytes", Max: l.NameBytes, Unit: "bytes of names"}
}

func pathLengthError(l *Limits) error {
	return &LimitError{Limit: "PathLength", Max: int64(l.PathLength), Unit: "bytes in one path"}
}

func depthError(l *Limits) error {
	return &LimitError{Limit: "Depth", Max: int64(l.Depth), Unit: "directories in one path"}
}

func stepsError(l *Limits) error {
	return &LimitError{Limit: "Steps", Max: l.Steps, Unit: "directories searched to place the entries"}
}
