package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"

	"github.com/stretchr/testify/require"
)

// sparse is an archive with one GNU sparse file, format 1.0, of that size.
func sparse(t require.TestingT, size int64) []byte {
	block := make([]byte, 1024)
	copy(block, "1\n0\n4\n")
	copy(block[512:], "data")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "sparse", Typeflag: tar.TypeReg, Size: 516, PAXRecords: map[string]string{
		"XXX.sparse.major": "1", "XXX.sparse.minor": "0", "XXX.sparse.name": "/srv/sparse.jar", "XXX.sparse.realsize": fmt.Sprint(size),
	}}))
	_, err := w.Write(block[:516])
	require.NoError(t, err)
	require.NoError(t, w.Close())
	// The writer makes no sparse files; records of another vendor it does.
	return bytes.ReplaceAll(b.Bytes(), []byte("XXX.sparse"), []byte("GNU.sparse"))
}

// zipped is a zip archive of these files.
func zipped(t require.TestingT, files map[string][]byte) string {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range files {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.String()
}

// nestedJar is a Java archive in a Java archive, so many times.
func nestedJar(t require.TestingT, depth int) string {
	jar := zipped(t, map[string][]byte{"META-INF/MANIFEST.MF": []byte("Manifest-Version: 1.0\nImplementation-Title: inner\nImplementation-Version: 1.0\n")})
	for i := range depth {
		jar = zipped(t, map[string][]byte{
			"META-INF/MANIFEST.MF": fmt.Appendf(nil, "Manifest-Version: 1.0\nImplementation-Title: nested%d\nImplementation-Version: 1.0\n", i),
			"inner.jar":            []byte(jar),
		})
	}
	return jar
}

// zipBomb is a Java archive of which one file unpacks to three gigabytes: one
// block of compressed zeros, repeated.
func zipBomb(t require.TestingT, name string) string {
	const piece, size = 16 << 20, 3 << 30
	var block bytes.Buffer
	w, err := flate.NewWriter(&block, flate.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(make([]byte, piece))
	require.NoError(t, err)
	require.NoError(t, w.Flush()) // ends at a byte, and not the stream
	compressed := bytes.Repeat(block.Bytes(), size/piece)
	compressed = append(compressed, 0x03, 0x00) // an empty last block (RFC 1951)
	sum, zeros := crc32.NewIEEE(), make([]byte, piece)
	for range size / piece {
		sum.Write(zeros)
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	raw, err := archive.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Deflate, CRC32: sum.Sum32(),
		CompressedSize64: uint64(len(compressed)), UncompressedSize64: size,
	})
	require.NoError(t, err)
	_, err = raw.Write(compressed)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	return out.String()
}
