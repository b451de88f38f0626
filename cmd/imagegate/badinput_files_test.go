package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

func badFiles() []badInput {
	shell := gatetest.Program()
	return []badInput{
		{"500,000 empty entries", func(s *scene) {
			s.headers(500_000, func(i int) tar.Header { return tar.Header{Name: fmt.Sprintf("d%d/f%d", i%500, i)} })
		},
			policy.Allow, "", 1 << 30},
		{"path traversal", func(s *scene) {
			s.entries(gatetest.Entry{Path: "../../../../etc/evil", Content: "x"}, gatetest.Entry{Path: "a/../../b/./../c", Content: "x"})
		}, policy.Allow, "", 0},
		{"shell by path traversal", func(s *scene) {
			s.entries(gatetest.Entry{Path: "../../x/../bin/../bin/sh", Content: shell, Mode: 0o755})
		}, policy.Deny, "content.shells", 0},
		{"links to files of this machine", func(s *scene) {
			s.entries(
				gatetest.Entry{Path: ".wh.etc"},
				gatetest.Entry{Path: "usr/lib/os-release", Symlink: filepath.Join(s.dir, "canary")},
				gatetest.Entry{Path: "var/lib/dpkg/status", Symlink: filepath.Join(s.dir, "canary")},
				gatetest.Entry{Path: "srv/secret", Symlink: "../../../../../../../../.." + filepath.Join(s.dir, "canary")},
			)
		}, policy.NotDecidable, "", 0},
		{"passwd that is a link to a file of this machine", func(s *scene) {
			s.policy = s.file("policy.yaml", []byte(namesAllowed))
			s.byName("app", func(f map[string]string) { delete(f, "etc/passwd") },
				gatetest.Entry{Path: "etc/passwd", Symlink: filepath.Join(s.dir, "canary")})
		}, policy.Deny, "unable to find user app", 0},
		{"hard link to a file of this machine", func(s *scene) {
			s.entries(gatetest.Entry{Path: "srv/canary", Hardlink: filepath.Join(s.dir, "canary")})
		}, policy.NotDecidable, "not there", 0},
		{"hard link out of the image", func(s *scene) {
			s.entries(gatetest.Entry{Path: "srv/shadow", Hardlink: "../../../../etc/shadow"})
		}, policy.NotDecidable, "not there", 0},
		{"loop of links", func(s *scene) {
			s.entries(gatetest.Entry{Path: "a", Symlink: "b"}, gatetest.Entry{Path: "b", Symlink: "a"}, gatetest.Entry{Path: "c", Symlink: "c"},
				gatetest.Entry{Path: "bin", Symlink: "/bin"}, gatetest.Entry{Path: "lib", Symlink: "lib/lib"})
		}, policy.Allow, "", 0},
		{"entry point in a loop of links", func(s *scene) {
			s.entries(gatetest.Entry{Path: "app", Symlink: "loop"}, gatetest.Entry{Path: "loop", Symlink: "app"})
		}, policy.Deny, "config.entrypoint", 0},
		{"file inside a loop of links", func(s *scene) {
			s.entries(gatetest.Entry{Path: "a", Symlink: "b"}, gatetest.Entry{Path: "b", Symlink: "a"}, gatetest.Entry{Path: "a/x", Content: "x"})
		}, policy.NotDecidable, "symbolic links", 0},
		{"10,000 links in a chain", func(s *scene) {
			s.headers(10_000, func(i int) tar.Header {
				return tar.Header{Typeflag: tar.TypeSymlink, Name: fmt.Sprint("l", i), Linkname: fmt.Sprint("l", i+1)}
			})
		}, policy.Allow, "", 0},
		{"links that multiply", func(s *scene) {
			s.headers(40, func(i int) tar.Header {
				return tar.Header{Typeflag: tar.TypeSymlink, Name: fmt.Sprint("m", i), Linkname: strings.Repeat(fmt.Sprintf("m%d/../", i+1), 50) + fmt.Sprint("m", i+1)}
			})
		}, policy.Allow, "", 0},
		{"device nodes and a pipe", func(s *scene) {
			types := []byte{tar.TypeChar, tar.TypeBlock, tar.TypeFifo}
			s.headers(len(types), func(i int) tar.Header {
				return tar.Header{Typeflag: types[i], Name: fmt.Sprint("dev/node", i), Devmajor: 1, Devminor: 3}
			})
		}, policy.Allow, "", 0},
		{"entry point that is a device", func(s *scene) {
			s.headers(1, func(int) tar.Header { return tar.Header{Typeflag: tar.TypeChar, Name: "app", Devmajor: 1, Devminor: 3} })
		}, policy.Deny, "config.entrypoint", 0},
		{"package database that is a pipe", func(s *scene) {
			s.headers(1, func(int) tar.Header { return tar.Header{Typeflag: tar.TypeFifo, Name: "var/lib/dpkg/status"} })
		}, policy.NotDecidable, "not a regular file", 0},
		{"shell by the second of two entries", func(s *scene) {
			s.entries(gatetest.Entry{Path: "srv/tool", Content: "text"}, gatetest.Entry{Path: "srv/tool", Symlink: "/bin/sh"},
				gatetest.Entry{Path: "bin/sh", Content: "text"}, gatetest.Entry{Path: "bin/sh", Content: shell, Mode: 0o755})
		}, policy.Deny, "content.shells", 0},
		{"name of 5,000 bytes", func(s *scene) { s.entries(gatetest.Entry{Path: strings.Repeat("long/", 1000), Content: ""}) },
			policy.NotDecidable, "PathLength", 0},
		{"name of a million bytes", func(s *scene) { s.entries(gatetest.Entry{Path: strings.Repeat("x", 1<<20-100), Content: "x"}) },
			policy.NotDecidable, "", 0},
		{"600 directories deep", func(s *scene) { s.entries(gatetest.Entry{Path: strings.Repeat("d/", 600), Content: ""}) },
			policy.NotDecidable, "Depth", 0},
		{"names that are not UTF-8 or move the cursor", func(s *scene) {
			s.entries(gatetest.Entry{Path: "srv/\xff\xfe", Content: "x"}, gatetest.Entry{Path: "srv/\x1b[2J\x1b]0;x\a", Content: "x"},
				gatetest.Entry{Path: "srv/\u202egnp.txt", Content: "x"}, gatetest.Entry{Path: "srv/a\nb", Content: "x"})
		}, policy.Allow, "", 0},
		{"setuid program whose name moves the cursor", func(s *scene) {
			s.entries(gatetest.Entry{Path: "srv/\x1b[2J\xff\nALLOWED", Content: gatetest.Program(), Mode: fs.ModeSetuid | 0o755})
		}, policy.Deny, "content.setuid", 0},
		{"program with a capability", func(s *scene) { s.capable("\x01\x00\x00\x02\x00\x20" + strings.Repeat("\x00", 14)) },
			policy.Deny, "cap_net_raw=ep", 0},
		{"program with a capability that nobody can read", func(s *scene) { s.capable("\x1b[2J\xff\nALLOWED" + strings.Repeat("x", 1<<19)) },
			policy.Deny, "unknown capability", 0},
		{"100,000 capabilities", func(s *scene) {
			s.headers(100_000, func(i int) tar.Header {
				return tar.Header{Name: fmt.Sprint("f", i), PAXRecords: map[string]string{"SCHILY.xattr.security.capability": fmt.Sprint(i)}}
			})
		}, policy.NotDecidable, "Capabilities", 0},
		{"sparse file of a petabyte", func(s *scene) { s.over(gatetest.LayerOf(s.t, gatetest.Gzip, sparse(s.t, 1<<50))) },
			policy.NotDecidable, "LayerBytes", 0},
		{"sparse package of 300 MB", func(s *scene) { s.over(gatetest.LayerOf(s.t, gatetest.Gzip, sparse(s.t, 300<<20))) },
			policy.NotDecidable, "", 0},
		{"PAX header that renames a file to a shell", func(s *scene) {
			archive := gatetest.Tar(s.t, gatetest.Entry{Path: "srv/\u00fcr/tool", Content: shell, Mode: 0o755})
			s.over(gatetest.LayerOf(s.t, gatetest.Gzip, bytes.Replace(archive, []byte("path=srv/\u00fcr/tool"), []byte("path=bin/////bash"), 1)))
		}, policy.Deny, "content.shells", 0},
		{"global PAX header that renames everything", func(s *scene) {
			s.headers(1, func(int) tar.Header {
				return tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"path": "etc/passwd", "size": "9"}}
			})
		}, policy.Allow, "", 0},
		{"whiteouts of everything and of nothing", func(s *scene) {
			s.entries(gatetest.Entry{Path: ".wh..wh..opq"}, gatetest.Entry{Path: "../.wh.bin"}, gatetest.Entry{Path: "a/.wh.nothing"})
		}, policy.Deny, "no such file", 0},
		{"whiteout without a name", func(s *scene) { s.entries(gatetest.Entry{Path: "a/.wh."}) }, policy.NotDecidable, ".wh.", 0},
		{"file inside a file", func(s *scene) {
			s.entries(gatetest.Entry{Path: "srv/a", Content: "x"}, gatetest.Entry{Path: "srv/a/b", Content: "x"})
		}, policy.NotDecidable, "not a directory", 0},
		{"archives in archives, five deep", func(s *scene) { s.entries(gatetest.Entry{Path: "srv/nested.jar", Content: nestedJar(s.t, 5)}) },
			policy.Allow, "", 0},
		{"archives in archives, a hundred deep", func(s *scene) { s.entries(gatetest.Entry{Path: "srv/nested.jar", Content: nestedJar(s.t, 100)}) },
			policy.NotDecidable, "nested more than", 0},
		{"archive in an archive that unpacks to gigabytes", func(s *scene) { s.entries(gatetest.Entry{Path: "srv/bomb.jar", Content: zipBomb(s.t, "nested.jar")}) },
			policy.NotDecidable, "the archives in it", 0},
		{"manifest of an archive that unpacks to gigabytes", func(s *scene) {
			s.entries(gatetest.Entry{Path: "srv/bomb.jar", Content: zipBomb(s.t, "META-INF/MANIFEST.MF")})
		}, policy.NotDecidable, "manifests and licences", 0},
		{"archive that climbs out", func(s *scene) {
			s.entries(gatetest.Entry{Path: "srv/climb.jar", Content: zipped(s.t, map[string][]byte{"../../../../../../" + s.dir + "/climbed.jar": []byte("PK")})})
		}, policy.Allow, "", 0},
		{"text that is called a package database", func(s *scene) {
			s.entries(gatetest.Entry{Path: "var/lib/rpm/rpmdb.sqlite", Content: "no database"}, gatetest.Entry{Path: "lib/apk/db/installed", Content: strings.Repeat("P:\n", 1000)})
		}, policy.NotDecidable, "", 0},
	}
}

// capable pushes the good image with a program that has that capability.
func (s *scene) capable(value string) {
	s.t.Helper()
	s.entries(gatetest.Entry{Path: "srv/ping", Content: gatetest.Program(), Mode: 0o755, PAX: map[string]string{"SCHILY.xattr.security.capability": value}})
}

// headers pushes the good image with a layer of n entries without content over it.
func (s *scene) headers(n int, of func(int) tar.Header) {
	s.t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for i := range n {
		header := of(i)
		if header.Typeflag != tar.TypeXGlobalHeader {
			header.Mode = 0o644
		}
		if header.Typeflag == 0 {
			header.Typeflag = tar.TypeReg
		}
		require.NoError(s.t, w.WriteHeader(&header))
	}
	require.NoError(s.t, w.Close())
	s.over(gatetest.LayerOf(s.t, gatetest.Gzip, archive.Bytes()))
}
