package catalog_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A server makes documents for months: nothing of syft's is left behind by one.
func TestNothingIsLeftBehind(t *testing.T) { // not in parallel: others enumerate, too
	image := layered(t, debian(), languages(t))
	for range 3 {
		document(t, image)
	}
	require.Eventually(t, func() bool {
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return !strings.Contains(string(stacks), "pkg.(*Collection).Enumerate")
	}, 20*time.Second, 10*time.Millisecond)
}
