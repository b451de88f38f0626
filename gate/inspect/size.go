package inspect

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// sizes adds up a tree. A directory's size is that of all regular files below
// it; a file with several names counts once, where its first name is.
type sizes struct {
	bytes       int64
	files       int
	seen        map[int64]bool // nodes of files with several names
	directories map[string]int64
}

const (
	// maxDepth is how deep a directory may lie to be named:
	// /usr/local/lib/python3.11 does.
	maxDepth = 4
	// largest is how many directories are named.
	largest = 10
)

func newSizes() *sizes {
	return &sizes{seen: map[int64]bool{}, directories: map[string]int64{}}
}

func (s *sizes) add(file sbom.File) {
	s.files++
	if !file.Mode.IsRegular() || file.Size <= 0 || s.seen[file.Node] {
		return
	}
	s.seen[file.Node] = true
	s.bytes += file.Size
	for _, dir := range ancestors(file.Path) {
		s.directories[dir] += file.Size
	}
}

// ancestors are the directories above a file down to maxDepth, without the root.
func ancestors(file string) []string {
	var dirs []string
	for i := 1; i < len(file) && len(dirs) < maxDepth; i++ {
		if file[i] == '/' {
			dirs = append(dirs, file[:i])
		}
	}
	return dirs
}

// total names the largest directories, each where its bytes are: a directory is
// left out when one of those in it holds more than half of it, since that one
// says more; one at the top (/usr, /opt) when those in it together do. So /usr
// gives way to /usr/lib, and that to /usr/lib/x86_64-linux-gnu where it is most
// of it. A directory and one in it may both be named; their bytes are then
// counted in both.
func (s *sizes) total() policy.Size {
	better := map[string]bool{}
	inner := map[string]int64{}
	for dir, bytes := range s.directories {
		parent := path.Dir(dir)
		inner[parent] += bytes
		if half := s.directories[parent] / 2; bytes > half || path.Dir(parent) == "/" && inner[parent] > half {
			better[parent] = true
		}
	}
	var named []policy.DirectorySize
	for dir, bytes := range s.directories {
		if !better[dir] {
			named = append(named, policy.DirectorySize{Path: dir, Bytes: bytes})
		}
	}
	slices.SortFunc(named, func(a, b policy.DirectorySize) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Path, b.Path))
	})
	return policy.Size{UncompressedBytes: s.bytes, Files: s.files, Largest: named[:min(len(named), largest)]}
}
