package catalog_test

import (
	"archive/zip"
	"bytes"
	"database/sql"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
)

func entry(path, content string) gatetest.Entry {
	return gatetest.Entry{Path: path, Content: content}
}

func symlink(path, target string) gatetest.Entry {
	return gatetest.Entry{Path: path, Symlink: target}
}

func hardlink(path, target string) gatetest.Entry {
	return gatetest.Entry{Path: path, Hardlink: target}
}

func whiteout(path string) gatetest.Entry {
	return gatetest.Entry{Path: filepath.Join(filepath.Dir(path), ".wh."+filepath.Base(path))}
}

// layered is an image with a layer for each list of entries.
func layered(t testing.TB, layers ...[]gatetest.Entry) v1.Image {
	t.Helper()
	var built []v1.Layer
	for _, entries := range layers {
		built = append(built, gatetest.Layer(t, gatetest.Uncompressed, entries...))
	}
	return gatetest.Image(t, v1.ConfigFile{}, built...)
}

func everything(string, []byte, int64) bool { return true }

// newTree reads an image with a rule for what is kept.
func newTree(t testing.TB, image v1.Image, keep filetree.Keep) *filetree.Tree {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	store := filetree.NewStore(filetree.Limits{})
	t.Cleanup(func() { _ = store.Close() })
	var read []*filetree.Layer
	for _, layer := range layers {
		diffID, err := layer.DiffID()
		require.NoError(t, err)
		content, err := layer.Uncompressed()
		require.NoError(t, err)
		l, err := store.ReadLayer(t.Context(), diffID.String(), content, filetree.Rules{Keep: keep})
		require.NoError(t, err)
		read = append(read, l)
	}
	tree, err := store.Merge(t.Context(), read)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

const debianRelease = `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
ID=debian
`

func dpkg(name, version, more string) string {
	return "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: " + version +
		"\nMaintainer: nobody <nobody@example.com>\n" + more + "Description: a package\n\n"
}

func debian() []gatetest.Entry {
	return []gatetest.Entry{
		symlink("/lib", "usr/lib"),
		symlink("/etc/os-release", "../usr/lib/os-release"),
		entry("/usr/lib/os-release", debianRelease),
		entry("/etc/debian_version", "12.5\n"),
		entry("/var/lib/dpkg/status", dpkg("openssl", "3.0.11-1~deb12u2", "")+dpkg("libssl3", "3.0.11-1~deb12u2", "Source: openssl\n")+
			dpkg("libc6", "2.36-9+deb12u3", "Source: glibc\n")),
		entry("/var/lib/dpkg/info/openssl.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/bin/openssl\n"),
		entry("/var/lib/dpkg/info/openssl.conffiles", "/etc/ssl/openssl.cnf\n"),
		entry("/var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n"),
		entry("/var/lib/dpkg/info/libc6:amd64.md5sums", "d41d8cd98f00b204e9800998ecf8427e  lib/x86_64-linux-gnu/libc.so.6\n"),
		entry("/usr/lib/x86_64-linux-gnu/libc.so.6", elfProgram("")),
		entry("/usr/bin/openssl", elfProgram("/lib64/ld-linux-x86-64.so.2")),
		entry("/usr/share/doc/openssl/copyright", "License: Apache-2.0\n"),
		entry("/etc/ssl/openssl.cnf", "# empty\n"),
	}
}

func distroless() []gatetest.Entry {
	return []gatetest.Entry{
		entry("/etc/os-release", debianRelease),
		entry("/var/lib/dpkg/status.d/", ""), // syft finds no files in a directory that is only implied
		entry("/var/lib/dpkg/status.d/base", dpkg("base-files", "12.4+deb12u5", "")),
		entry("/var/lib/dpkg/status.d/base.md5sums", "d41d8cd98f00b204e9800998ecf8427e  etc/host.conf\n"),
		entry("/var/lib/dpkg/status.d/tzdata", dpkg("tzdata", "2024a-0+deb12u1", "")),
		entry("/etc/host.conf", "multi on\n"),
	}
}

func alpine() []gatetest.Entry {
	return []gatetest.Entry{
		entry("/etc/os-release", "ID=alpine\nNAME=\"Alpine Linux\"\nVERSION_ID=3.19.1\nPRETTY_NAME=\"Alpine Linux v3.19\"\n"),
		entry("/etc/apk/repositories", "https://dl-cdn.example.com/alpine/v3.19/main\n"),
		entry("/lib/apk/db/installed", "C:Q1abc=\nP:musl\nV:1.2.4_git20230717-r4\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\n\n"+
			"C:Q1def=\nP:busybox\nV:1.36.1-r15\nA:x86_64\nL:GPL-2.0-only\no:busybox\nF:bin\nR:busybox\n\n"),
		entry("/lib/ld-musl-x86_64.so.1", elfProgram("")),
		entry("/bin/busybox", elfProgram("/lib/ld-musl-x86_64.so.1")+"\x00BusyBox v1.36.1 (2023)\x00"),
		symlink("/bin/sh", "/bin/busybox"),
	}
}

func fedora(t testing.TB) []gatetest.Entry {
	return []gatetest.Entry{
		entry("/etc/os-release", "ID=fedora\nVERSION_ID=39\nPRETTY_NAME=\"Fedora Linux 39\"\n"),
		entry("/usr/lib/sysimage/rpm/rpmdb.sqlite", rpmDatabase(t, "bash", "5.2.15", "5.fc39")),
		symlink("/var/lib/rpm", "../../usr/lib/sysimage/rpm"),
	}
}

func languages(t testing.TB) []gatetest.Entry {
	inner := zipFile(t, "META-INF/maven/org.example/inner/pom.properties", "groupId=org.example\nartifactId=inner\nversion=1.0\n",
		"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
	return []gatetest.Entry{
		entry("/usr/lib/python3/dist-packages/requests-2.31.0.dist-info/METADATA",
			"Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\nLicense: Apache 2.0\nLicense-File: LICENSE\n\n"),
		entry("/usr/lib/python3/dist-packages/requests-2.31.0.dist-info/RECORD", "requests/__init__.py,sha256=abc,12\n"),
		entry("/usr/lib/python3/dist-packages/requests-2.31.0.dist-info/top_level.txt", "requests\n"),
		entry("/usr/lib/python3/dist-packages/requests-2.31.0.dist-info/LICENSE", "Licensed under the Apache License, Version 2.0\n"),
		entry("/usr/lib/python3/dist-packages/requests/__init__.py", "version = 1\n"),
		entry("/app/node_modules/left-pad/package.json", `{"name":"left-pad","version":"1.3.0","license":"WTFPL"}`),
		entry("/app/node_modules/left-pad/LICENSE", "MIT License\n"),
		entry("/app/node_modules/@scope/thing/package.json", `{"name":"@scope/thing","version":"2.0.1"}`),
		entry("/app/node_modules/broken/package.json", `{"name":"broken","version":"1.0.0","dependencies":{}}`),
		entry("/opt/app.jar", zipFile(t, "META-INF/maven/org.example/app/pom.properties",
			"groupId=org.example\nartifactId=app\nversion=2.1\n", "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n", "lib/inner-1.0.jar", inner)),
		entry("/usr/share/gems/specifications/rake-13.0.6.gemspec",
			"Gem::Specification.new do |s|\n  s.name = \"rake\".freeze\n  s.version = \"13.0.6\"\nend\n"),
		entry("/usr/lib/R/library/base/DESCRIPTION", "Package: base\nVersion: 4.3.1\nBuilt: R 4.3.1; ; 2023\n"),
		entry("/usr/local/bin/goprogram", goProgram(t)),
	}
}

// links has every way that one file has several paths.
func links() []gatetest.Entry {
	return []gatetest.Entry{
		symlink("/bin", "usr/bin"),
		symlink("/lib", "usr/lib"),
		symlink("/loop", "/loop2"),
		symlink("/loop2", "/loop"),
		symlink("/usr/self", "../usr"),
		symlink("/dangling/package.json", "/nowhere"),
		entry("/usr/bin/redis-server", elfProgram("")+"\x00Redis server v=7.2.4 sha=00000000:0 malloc\x00"),
		hardlink("/usr/local/bin/redis-server", "/usr/bin/redis-server"),
		symlink("/usr/local/bin/redis", "redis-server"),
		entry("/store/a@1.0.0/node_modules/a/package.json", `{"name":"a","version":"1.0.0"}`),
		symlink("/srv/node_modules/a", "../../store/a@1.0.0/node_modules/a"),
		entry("/data/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\n"),
		symlink("/usr/lib/apk", "/data/apk"),
		entry("/data/other", `{"name":"by-link","version":"9.9.9"}`),
		symlink("/srv/package.json", "../data/other"),
		hardlink("/srv/hard/package.json", "/data/other"),
		entry("/opt/status.d/", ""),
		entry("/opt/status.d/libx", dpkg("libx", "1.0", "")),
		symlink("/var/lib/dpkg/status.d", "../../../opt/status.d"),
	}
}

// elfProgram is a 64-bit ELF header with a program header for its dynamic loader, or
// none.
func elfProgram(loader string) string {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(header[16:], 2)  // ET_EXEC
	binary.LittleEndian.PutUint16(header[18:], 62) // x86-64
	binary.LittleEndian.PutUint32(header[20:], 1)
	binary.LittleEndian.PutUint16(header[52:], 64)
	binary.LittleEndian.PutUint16(header[54:], 56)
	binary.LittleEndian.PutUint16(header[58:], 64)
	if loader == "" {
		return string(header)
	}
	binary.LittleEndian.PutUint64(header[32:], 64)
	binary.LittleEndian.PutUint16(header[56:], 1)
	program := make([]byte, 56)
	binary.LittleEndian.PutUint32(program, 3) // PT_INTERP
	binary.LittleEndian.PutUint64(program[8:], 64+56)
	binary.LittleEndian.PutUint64(program[32:], uint64(len(loader)+1))
	return string(header) + string(program) + loader + "\x00"
}

// goProgram is a program of the toolchain that runs this test.
func goProgram(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "tool", "-n", "asm").Output()
	require.NoError(t, err)
	content, err := os.ReadFile(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	return string(content)
}

func zipFile(t testing.TB, namesAndContents ...string) string {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for i := 0; i < len(namesAndContents); i += 2 {
		f, err := w.Create(namesAndContents[i])
		require.NoError(t, err)
		_, err = f.Write([]byte(namesAndContents[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return archive.String()
}

// rpmDatabase is an RPM database with one package.
func rpmDatabase(t testing.TB, name, version, release string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rpmdb.sqlite")
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	_, err = db.Exec("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
	require.NoError(t, err)
	_, err = db.Exec("INSERT INTO Packages (blob) VALUES (?)", rpmHeader(map[uint32]string{
		1000: name, 1001: version, 1002: release, 1014: "GPL-3.0-or-later", 1022: "x86_64",
		1044: name + "-" + version + "-" + release + ".src.rpm", 1011: "Fedora Project",
	}))
	require.NoError(t, err)
	require.NoError(t, db.Close())
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(content)
}

// rpmHeader encodes string tags as RPM does: an index of (tag, type, offset, count),
// then the data. The index begins with the region that RPM writes around a header.
func rpmHeader(tags map[uint32]string) []byte {
	var index, data bytes.Buffer
	entry := func(tag, kind, offset, count uint32) {
		for _, field := range []uint32{tag, kind, offset, count} {
			_ = binary.Write(&index, binary.BigEndian, field)
		}
	}
	for _, tag := range []uint32{1000, 1001, 1002, 1011, 1014, 1022, 1044} {
		entry(tag, 6, uint32(data.Len()), 1)
		data.WriteString(tags[tag] + "\x00")
	}
	count := uint32(index.Len()/16 + 1)
	region := make([]byte, 16)
	binary.BigEndian.PutUint32(region, 63)
	binary.BigEndian.PutUint32(region[4:], 7)
	binary.BigEndian.PutUint32(region[8:], uint32(data.Len()))
	binary.BigEndian.PutUint32(region[12:], 16)
	var blob bytes.Buffer
	_ = binary.Write(&blob, binary.BigEndian, count)
	_ = binary.Write(&blob, binary.BigEndian, uint32(data.Len()+16))
	blob.Write(region)
	blob.Write(index.Bytes())
	blob.Write(data.Bytes())
	trailer := append([]byte(nil), region...)
	binary.BigEndian.PutUint32(trailer[8:], uint32(-int32(count*16)))
	blob.Write(trailer)
	return blob.Bytes()
}
