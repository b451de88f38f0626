package filetree_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/imagegate/imagegate/gate/filetree"
)

// Two layers, of which the upper one hides a file of the lower.
func Example() {
	lower, upper := new(bytes.Buffer), new(bytes.Buffer)
	writeTar(lower, "bin/busybox", "bin/tool", "etc/passwd")
	writeTar(upper, "bin/.wh.tool", "app/server")

	store := filetree.NewStore(filetree.Limits{})
	keep := func(path string, _ []byte, _ int64) bool { return strings.HasPrefix(path, "/etc/") }
	var layers []*filetree.Layer
	for i, tar := range []io.Reader{lower, upper} {
		layer, err := store.ReadLayer(context.Background(), fmt.Sprintf("sha256:%d", i), tar, filetree.Rules{Keep: keep})
		if err != nil {
			fmt.Println(err)
			return
		}
		layers = append(layers, layer)
	}
	tree, err := store.Merge(context.Background(), layers)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tree.Close()
	_ = store.Close() // the tree has a hold of its own

	for file := range tree.All() {
		fmt.Println(file.Mode, file.Layer, file.Path)
	}
	_, found := tree.Lookup("/bin/tool")
	fmt.Println("tool:", found)
	// Output:
	// drwxr-xr-x -1 /app
	// -rw-r--r-- 1 /app/server
	// drwxr-xr-x -1 /bin
	// -rw-r--r-- 0 /bin/busybox
	// drwxr-xr-x -1 /etc
	// -rw-r--r-- 0 /etc/passwd
	// tool: false
}

func writeTar(out io.Writer, names ...string) {
	w := tar.NewWriter(out)
	defer w.Close()
	for _, name := range names {
		_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 4})
		_, _ = io.WriteString(w, "text")
	}
}
