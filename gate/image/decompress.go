package image

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compression is how a layer is packed.
type compression string

const (
	none      compression = "none"
	gzipped   compression = "gzip"
	zstandard compression = "zstd"
	bzipped   compression = "bzip2"
	xzipped   compression = "xz"
)

// zstdWindow is the largest window that a layer may ask for. The format allows
// terabytes; RFC 8878 recommends that decoders support 8 MiB, zstd -19 uses 8 and
// --ultra 128.
const zstdWindow = 128 << 20

// decompress unpacks a layer by what its bytes are, as container runtimes do.
// That media type and bytes disagree is common with old builders and harmless:
// the diff id decides, since bytes that could be unpacked in two ways have two.
// The caller closes the reader.
func decompress(from io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(from, 64<<10)
	head, err := buffered.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch found := detect(head); found {
	case gzipped:
		return gzip.NewReader(buffered)
	case zstandard:
		decoder, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	case none:
		return io.NopCloser(buffered), nil
	default:
		return nil, refuse("it is packed with %s, which no image format allows", found)
	}
}

// magic are the first bytes of packed streams.
var magic = []struct {
	head []byte
	is   compression
}{
	{[]byte{0x1f, 0x8b}, gzipped},
	{[]byte{0x28, 0xb5, 0x2f, 0xfd}, zstandard},
	{[]byte("BZh"), bzipped},
	{[]byte{0xfd, '7', 'z', 'X', 'Z', 0}, xzipped},
}

func detect(head []byte) compression {
	for _, m := range magic {
		if bytes.HasPrefix(head, m.head) {
			return m.is
		}
	}
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18}) {
		return zstandard // a skippable frame, as zstd:chunked may begin with
	}
	return none
}
