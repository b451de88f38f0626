package dense_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom/dense"
)

func TestList(t *testing.T) {
	t.Parallel()
	var list dense.List[int]
	for i := range 5000 {
		require.Equal(t, uint32(i), list.Add(i*i))
	}
	first := list.At(0)
	list.Add(0)
	require.Same(t, first, list.At(0))
	require.Equal(t, 5001, list.Len())
	require.Equal(t, 4999*4999, *list.At(4999))
}

func TestTexts(t *testing.T) {
	t.Parallel()
	var texts dense.Texts
	var numbers []dense.Text
	var want []string
	for i := range 3000 {
		want = append(want, strings.Repeat(fmt.Sprint(i%10), i*7%8000))
	}
	want = append(want, "", strings.Repeat("x", dense.MaxText))
	for _, s := range want {
		numbers = append(numbers, texts.Add(s))
	}
	for i, number := range numbers {
		require.Equal(t, want[i], texts.At(number))
	}
	require.Panics(t, func() { texts.Add(strings.Repeat("x", 1<<16)) })
}

// TestTable compares with a map.
func TestTable(t *testing.T) {
	t.Parallel()
	type key struct {
		group uint32
		text  string
	}
	keys := []key{{}}
	table := dense.NewTable(100, func(number uint32) (uint32, string) { return keys[number].group, keys[number].text })
	want := map[key]uint32{}
	for i := range uint32(20_000) {
		k := key{i % 7, fmt.Sprint(i % 9001)}
		keys = append(keys, k)
		require.Equal(t, want[k], table.Replace(i+1))
		want[k] = i + 1
	}
	for k, number := range want {
		require.Equal(t, number, table.Find(k.group, k.text))
	}
	found := slices.Collect(table.All())
	slices.Sort(found)
	require.Equal(t, slices.Sorted(maps.Values(want)), found)
	require.Zero(t, table.Find(7, "0"))
	require.Zero(t, table.Find(0, "none"))
}
