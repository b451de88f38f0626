package filetree

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// The names with a meaning of their own (OCI image specification, layer.md,
// "Whiteouts").
const (
	whiteoutPrefix = ".wh."
	opaqueName     = ".wh..wh..opq"
	// reservedPrefix begins the names of aufs's own files, which are none of the
	// image's.
	reservedPrefix = ".wh..wh."
)

// cleanName makes a tar's name absolute and clean; ".." ends at the root, as it
// does for whoever unpacks.
func cleanName(name string) string { return path.Clean("/" + name) }

// split takes a clean absolute path apart into directory and base name, both
// relative to the root.
func split(name string) (dir, base string) {
	slash := strings.LastIndexByte(name, '/')
	return name[min(1, slash):slash], name[slash+1:]
}

// kindOf says what an entry of that base name does, and to which name. ok is
// false for the names that mean nothing.
func kindOf(hdr *tar.Header, base string) (k kind, name string, ok bool) {
	switch {
	case base == opaqueName:
		return opaque, "", true
	case strings.HasPrefix(base, reservedPrefix):
		return 0, "", false
	case strings.HasPrefix(base, whiteoutPrefix):
		return whiteout, base[len(whiteoutPrefix):], true
	case hdr.Typeflag == tar.TypeLink:
		return hardLink, base, true
	default:
		return file, base, true
	}
}

// flaw says why nobody can make sense of an entry; empty where there is no reason.
func flaw(hdr *tar.Header, k kind, base string) string {
	switch k {
	case whiteout:
		if base == "" || base == "." || base == ".." {
			return "hides no name"
		}
	case file:
		if _, known := modeOf(hdr); !known {
			return fmt.Sprintf("is of the unknown type %q", hdr.Typeflag)
		}
		if hdr.Typeflag == tar.TypeSymlink && hdr.Linkname == "" {
			return "is a link to nothing"
		}
	}
	return ""
}

// linkOf is the target of a link: of a symbolic one as written, of a hard one
// clean, since it is a path from the root.
func linkOf(hdr *tar.Header, k kind) string {
	switch {
	case k == hardLink:
		return cleanName(hdr.Linkname)
	case k == file && hdr.Typeflag == tar.TypeSymlink:
		return hdr.Linkname
	default:
		return ""
	}
}

// modeOf translates type and permissions. The type is the type flag's alone: a
// header's mode field may repeat another one, which unpacking ignores.
func modeOf(hdr *tar.Header) (mode fs.FileMode, ok bool) {
	switch hdr.Typeflag {
	case tar.TypeReg, tar.TypeLink, tar.TypeCont, tar.TypeGNUSparse:
	case tar.TypeDir:
		mode = fs.ModeDir
	case tar.TypeSymlink:
		mode = fs.ModeSymlink
	case tar.TypeFifo:
		mode = fs.ModeNamedPipe
	case tar.TypeBlock:
		mode = fs.ModeDevice
	case tar.TypeChar:
		mode = fs.ModeDevice | fs.ModeCharDevice
	default:
		return 0, false
	}
	return mode | permissions(hdr.Mode), true
}

// permissions translates the twelve permission bits of POSIX.
func permissions(bits int64) fs.FileMode {
	mode := fs.FileMode(bits) & fs.ModePerm
	if bits&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if bits&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if bits&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}
