package catalog

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// member is one file of a zip archive; claims replaces the size it states.
type member struct {
	name, content string
	method        uint16
	claims        uint64
}

func zipOf(t testing.TB, members ...member) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range members {
		if m.claims == 0 {
			f, err := w.CreateHeader(&zip.FileHeader{Name: m.name, Method: m.method})
			require.NoError(t, err)
			_, err = f.Write([]byte(m.content))
			require.NoError(t, err)
			continue
		}
		var packed bytes.Buffer
		deflate, err := flate.NewWriter(&packed, flate.BestSpeed)
		require.NoError(t, err)
		_, err = deflate.Write([]byte(m.content))
		require.NoError(t, err)
		require.NoError(t, deflate.Close())
		f, err := w.CreateRaw(&zip.FileHeader{
			Name: m.name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE([]byte(m.content)),
			CompressedSize64: uint64(packed.Len()), UncompressedSize64: m.claims,
		})
		require.NoError(t, err)
		_, err = f.Write(packed.Bytes())
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.String()
}

func checkArchive(t testing.TB, archive string) error {
	t.Helper()
	c := archiveCheck{ctx: t.Context()}
	return c.check(strings.NewReader(archive), int64(len(archive)), 1)
}

func TestArchivesOutOfBounds(t *testing.T) {
	t.Parallel()
	nested := func(depth int, method uint16) string {
		archive := zipOf(t)
		for range depth {
			archive = zipOf(t, member{name: "a.jar", content: archive, method: method})
		}
		return archive
	}
	many := make([]member, maxArchives+1)
	for i := range many {
		many[i] = member{name: fmt.Sprint(i, ".jar"), method: zip.Store}
	}
	for name, test := range map[string]struct {
		archive, says string
	}{
		"manifest of gigabytes":          {zipOf(t, member{name: "META-INF/MANIFEST.MF", claims: 3 << 30}), "manifests and licences"},
		"manifest in other letters":      {zipOf(t, member{name: "meta-inf/Manifest.mf", claims: 3 << 30}), "manifests and licences"},
		"licence of gigabytes":           {zipOf(t, member{name: "META-INF/LICENSE.txt", claims: 3 << 30}), "manifests and licences"},
		"many descriptions":              {zipOf(t, member{name: "a/pom.xml", claims: 40 << 20}, member{name: "b/pom.xml", claims: 40 << 20}), "manifests and licences"},
		"sizes that overflow together":   {zipOf(t, member{name: "a/pom.xml", claims: 1 << 63}, member{name: "b/pom.xml", claims: 1 << 63}), "manifests and licences"},
		"archive of gigabytes":           {zipOf(t, member{name: "a.jar", claims: 3 << 30}), "longer than"},
		"manifest in an archive":         {zipOf(t, member{name: "a.JAR", content: zipOf(t, member{name: "x/pom.xml", claims: 3 << 30}), method: zip.Deflate}), "manifests and licences"},
		"manifest in a stored archive":   {zipOf(t, member{name: "a.jar", content: zipOf(t, member{name: "x/pom.xml", claims: 3 << 30}), method: zip.Store}), "manifests and licences"},
		"nested deep":                    {nested(maxArchiveDepth, zip.Store), "nested more than"},
		"nested deep and packed":         {nested(maxArchiveDepth, zip.Deflate), "nested more than"},
		"too many archives":              {zipOf(t, many...), "archives in it"},
		"archive longer than it is":      {zipOf(t, member{name: "a.jar", content: "x", claims: 1000}), "EOF"},
		"archive with another directory": {strings.Replace(zipOf(t, member{name: "a", content: "x"}), "PK\x01\x02", "PK\x00\x00", 1), "zip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, checkArchive(t, test.archive), test.says)
		})
	}
}

func TestArchivesWithinBounds(t *testing.T) {
	t.Parallel()
	inner := zipOf(t, member{name: "META-INF/MANIFEST.MF", content: "Manifest-Version: 1.0\n", method: zip.Deflate})
	for name, archive := range map[string]string{
		"empty":                   zipOf(t),
		"no archive":              "text",
		"nothing":                 "",
		"script before it":        "#!/bin/sh\nexec java -jar $0\n" + inner,
		"large file":              zipOf(t, member{name: "model.bin", claims: 10 << 30}),
		"archives in it":          zipOf(t, member{name: "a.jar", content: inner, method: zip.Store}, member{name: "b.war", content: inner, method: zip.Deflate}),
		"what is no archive":      zipOf(t, member{name: "a.jar", content: "text", method: zip.Deflate}),
		"path that leads outside": zipOf(t, member{name: "../../a.jar", content: inner, method: zip.Deflate}),
	} {
		require.NoError(t, checkArchive(t, archive), name)
	}
}

// noise is text of which about half is new, as in programs.
func noise(seed, length int) string {
	random := rand.New(rand.NewPCG(uint64(seed), 0))
	text := make([]byte, length)
	for i := range text {
		text[i] = 'a' + byte(random.Uint32()%16)
	}
	return string(text)
}

// BenchmarkArchive looks into an archive with archives in it, as applications of
// Spring Boot have them.
func BenchmarkArchive(b *testing.B) {
	var files, archives []member
	for i := range 400 {
		files = append(files, member{name: fmt.Sprintf("org/example/Class%d.class", i), content: noise(i, 3000), method: zip.Store})
	}
	inner := zipOf(b, files...)
	for i := range 20 {
		archives = append(archives, member{name: fmt.Sprintf("BOOT-INF/lib/part-%d.jar", i), content: inner, method: zip.Deflate})
	}
	archive := zipOf(b, archives...)
	b.SetBytes(int64(len(inner) * len(archives)))
	b.ReportAllocs()
	for b.Loop() {
		if err := checkArchive(b, archive); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzArchive(f *testing.F) {
	inner := zipOf(f, member{name: "META-INF/MANIFEST.MF", content: "Manifest-Version: 1.0\n"})
	f.Add([]byte(zipOf(f, member{name: "a.jar", content: inner, method: zip.Deflate})))
	f.Add([]byte(zipOf(f, member{name: "a.jar", content: inner, method: zip.Store}, member{name: "pom.xml", claims: 5})))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, archive []byte) {
		_ = checkArchive(t, string(archive))
	})
}
