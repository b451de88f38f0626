package image

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPackedLayerIsWhatWasWritten(t *testing.T) {
	t.Parallel()
	var b bounded
	var want []byte
	for _, size := range []int{0, 1, pieceBytes - 1, 1, pieceBytes, 3*pieceBytes + 5, 7} {
		p := bytes.Repeat([]byte{byte(rand.Uint32())}, size)
		n, err := b.Write(p)
		require.NoError(t, err)
		require.Equal(t, size, n)
		want = append(want, p...)
	}
	require.True(t, bytes.Equal(want, slices.Concat(b.pieces...)))
	_, err := b.Write(make([]byte, maxRemembered-len(want)+1))
	require.ErrorIs(t, err, errTooLarge)
}
