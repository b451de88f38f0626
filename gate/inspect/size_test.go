package inspect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

func TestSizeNamesUsefulDirectories(t *testing.T) {
	t.Parallel()
	of := func(n int) string { return strings.Repeat("x", n) }
	files := tree(t, []gatetest.Entry{
		file("usr/lib/python3.11/site-packages/big/deep/a.py", of(100)),
		file("usr/lib/python3.11/b.py", of(150)),
		file("usr/lib/x/c", of(200)),
		file("usr/bin/d", of(160)),
		hardlink("usr/bin/e", "usr/bin/d"),
		file("app/f", of(90)),
		file("g", of(5)),
		symlink("app/h", "f"),
	})
	size := inspectFiles(t, linux(v1.Config{}), files).Size
	require.Equal(t, int64(705), size.UncompressedBytes)
	require.Equal(t, 8+9, size.Files) // files and directories
	require.Equal(t, []policy.DirectorySize{
		{Path: "/usr/lib/python3.11", Bytes: 250},
		{Path: "/usr/lib/x", Bytes: 200},
		{Path: "/usr/bin", Bytes: 160},
		{Path: "/usr/lib/python3.11/site-packages", Bytes: 100},
		{Path: "/app", Bytes: 90},
	}, size.Largest)
}

func TestSizeNamesTenDirectories(t *testing.T) {
	t.Parallel()
	var entries []gatetest.Entry
	for i := range 30 {
		entries = append(entries, file(fmt.Sprintf("d%02d/f", i), strings.Repeat("x", 30-i)))
	}
	size := inspectFiles(t, linux(v1.Config{}), tree(t, entries)).Size
	require.Len(t, size.Largest, 10)
	require.Equal(t, policy.DirectorySize{Path: "/d00", Bytes: 30}, size.Largest[0])
}
