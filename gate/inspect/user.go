package inspect

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/sys/user"

	"github.com/imagegate/imagegate/sbom"
)

// userError says why no runtime could start the image as its user.
type userError struct {
	reason string
}

func (e *userError) Error() string { return e.reason }

// credentials are what the kernel compares with the mode of a file
// (credentials(7)).
type credentials struct {
	uid, gid int64
	groups   []int64 // supplementary
}

// resolveUser finds uid, gid and supplementary groups of config.User as runtimes
// do: "user", "uid", "user:group", "uid:gid", mixtures, or nothing, which is
// root. A number is a uid even where a user has it as name; the first matching
// line counts; an id that is no number is 0, so root; a group in the config
// replaces the supplementary ones (OCI image spec, config.User).
//
// A *userError means that the image cannot say who runs it, any other error that
// its files could not be read.
func resolveUser(config *v1.ConfigFile, files sbom.Files) (credentials, error) {
	spec := config.Config.User
	if err := checkUser(config, spec); err != nil {
		return credentials{}, err
	}
	passwd, err := userFile(files, "/etc/passwd")
	if err != nil {
		return credentials{}, err
	}
	group, err := userFile(files, "/etc/group")
	if err != nil {
		return credentials{}, err
	}
	return execUser(spec, passwd, group)
}

// checkUser refuses what a runtime refuses before it opens a file.
func checkUser(config *v1.ConfigFile, spec string) error {
	switch {
	case !isLinux(config):
		return &userError{fmt.Sprintf("users of %s images cannot be resolved", bounded(config.OS))}
	case len(spec) > maxUser:
		return &userError{fmt.Sprintf("user has %d bytes, at most %d can be a user", len(spec), maxUser)}
	case strings.Count(spec, ":") > 1:
		return &userError{fmt.Sprintf("user %q has more than one colon", spec)}
	}
	return nil
}

// userFile is the content of /etc/passwd or /etc/group; nil where there is none
// or where it is not a file, which a runtime takes for none.
func userFile(files sbom.Files, path string) (io.Reader, error) {
	file, ok := files.Lookup(path)
	if !ok || !file.Mode.IsRegular() {
		return nil, nil
	}
	if file.Size > maxUserFile {
		return nil, &userError{fmt.Sprintf("%s has %d bytes, runtimes read at most %d", path, file.Size, maxUserFile)}
	}
	data, err := readWhole(files, file, maxUserFile)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return bytes.NewReader(data), nil
}

// execUser is libcontainer's own resolution, and one check more: ids of the
// files beyond 31 bits, which runtimes would wrap, the largest to root.
func execUser(spec string, passwd, group io.Reader) (credentials, error) {
	found, err := user.GetExecUser(spec, nil, passwd, group)
	if err != nil {
		return credentials{}, &userError{err.Error()}
	}
	creds := credentials{uid: int64(found.Uid), gid: int64(found.Gid)}
	if !validID(creds.uid) || !validID(creds.gid) {
		return credentials{}, &userError{fmt.Sprintf("ids %d:%d of user %q are not within 0 to %d", creds.uid, creds.gid, spec, math.MaxInt32)}
	}
	for _, gid := range found.Sgids {
		if validID(int64(gid)) {
			creds.groups = append(creds.groups, int64(gid))
		}
	}
	return creds, nil
}

func validID(id int64) bool { return id >= 0 && id <= math.MaxInt32 }
