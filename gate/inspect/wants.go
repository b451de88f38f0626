package inspect

import (
	"path"
	"strings"
)

// Wants says which contents must be kept when layers are read, so that Files can
// do its work: the user files, all programs and scripts, and what may be a
// secret. file is its path, absolute and clean, head the first bytes of the file (64
// suffice for programs, up to 1024 are looked at), size its length in bytes. It
// does not ask for the mode, which a later layer may change.
//
// Shared libraries, the larger part of the ELF files of an image, are not
// wanted: nothing starts them.
func Wants(file string, head []byte, size int64) bool {
	head = head[:min(len(head), headBytes)]
	if isUserFile(file) && size <= maxUserFile {
		return true
	}
	if len(head) >= 2 && head[0] == '#' && head[1] == '!' {
		return true
	}
	if header, ok := parseELFHeader(head); ok && header.starts() {
		return true
	}
	return checkOf(file, head, size) != nil
}

// isUserFile is true for passwd and group wherever they lie: /etc/passwd may be a
// link (into /usr/lib, or into a Nix store as "…-passwd").
func isUserFile(file string) bool {
	base := path.Base(file)
	return strings.HasSuffix(base, "passwd") || strings.HasSuffix(base, "group")
}
