package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/imagegate/imagegate/sbom"
)

// obstacle is why a file cannot be started: a fact, which an error of reading
// the tree is not.
type obstacle struct {
	reason string
}

func (o *obstacle) Error() string { return o.reason }

func blocked(format string, args ...any) error {
	return &obstacle{fmt.Sprintf(format, args...)}
}

// permission bits of one of the three classes (path_resolution(7)).
const (
	readBit    fs.FileMode = 4
	executeBit fs.FileMode = 1
)

// may says whether the kernel grants the permission. One class decides: the
// owner's bits for the owner even where others have more. Root passes, but
// executes a file only if anybody may (capabilities(7), CAP_DAC_OVERRIDE).
func (c credentials) may(file sbom.File, bit fs.FileMode) bool {
	mode := file.Mode.Perm()
	switch {
	case c.uid == 0:
		return bit != executeBit || file.Mode.IsDir() || mode&0o111 != 0
	case c.uid == file.UID:
		return mode&(bit<<6) != 0
	case c.gid == file.GID || slices.Contains(c.groups, file.GID):
		return mode&(bit<<3) != 0
	}
	return mode&bit != 0
}

func (c credentials) String() string {
	return fmt.Sprintf("uid %d gid %d", c.uid, c.gid)
}

// describe names a file with what decides about access to it.
func describe(file sbom.File) string {
	return fmt.Sprintf("%s (mode %04o, owner %d:%d)", file.Path, file.Mode.Perm(), file.UID, file.GID)
}

// reach follows path to its end. Each directory searched must be searchable; of
// a relative path those above the working directory are not searched again.
func (p *process) reach(path string) (sbom.File, error) {
	absolute, searched := p.absolute(path)
	way, err := p.files.Trace(absolute)
	for i, file := range way {
		if i >= searched && file.Mode.IsDir() && (i < len(way)-1 || err != nil) && !p.creds.may(file, executeBit) {
			return sbom.File{}, blocked("%s cannot search directory %s", p.creds, describe(file))
		}
	}
	if err != nil || len(way) == 0 {
		return sbom.File{}, missing(path, err)
	}
	return way[len(way)-1], nil
}

// missing is the obstacle of a way that ends before its end. It names where the
// way ended, which links may have led elsewhere.
func missing(path string, err error) error {
	where, reason := path, err
	var ended *fs.PathError
	if errors.As(err, &ended) {
		where, reason = ended.Path, ended.Err
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		reason = errors.New("no such file")
	}
	if where != path {
		return blocked("%s: %v (the way ends at %s)", path, reason, where)
	}
	return blocked("%s: %v", path, reason)
}
