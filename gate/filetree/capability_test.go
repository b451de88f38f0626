package filetree

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	starRecord       = "SCHILY.xattr.security.capability"
	libarchiveRecord = "LIBARCHIVE.xattr.security.capability"
	// ping has cap_net_raw=ep and net cap_net_admin=ep, as setcap(8) writes them.
	ping = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	net  = "\x01\x00\x00\x02\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
)

// capable makes the header of one of layerTar's lines state a capability.
func capable(line, value string) *tar.Header {
	hdr, _ := header(line)
	hdr.Size = 0
	hdr.PAXRecords = map[string]string{starRecord: value}
	return hdr
}

func plainEntry(line string) *tar.Header {
	hdr, _ := header(line)
	hdr.Size = 0
	return hdr
}

func headersTar(t testing.TB, headers ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, hdr := range headers {
		require.NoError(t, w.WriteHeader(hdr))
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// capabilities are those of all files of a tree.
func capabilities(tree *Tree) map[string]string {
	found := map[string]string{}
	for f := range tree.All() {
		if f.Capability != "" {
			found[f.Path] = f.Capability
		}
	}
	return found
}

func TestCapabilitiesAreThoseOfWhatIsUnpacked(t *testing.T) {
	t.Parallel()
	type layer = []*tar.Header
	for name, test := range map[string]struct {
		layers []layer
		want   map[string]string
	}{
		"none":                              {[]layer{{plainEntry("a")}}, map[string]string{}},
		"one":                               {[]layer{{plainEntry("b"), capable("a", ping)}}, map[string]string{"/a": ping}},
		"the upper layer's":                 {[]layer{{capable("a", ping)}, {capable("a", net)}}, map[string]string{"/a": net}},
		"overwritten without one":           {[]layer{{capable("a", ping)}, {plainEntry("a")}}, map[string]string{}},
		"overwritten in its own layer":      {[]layer{{capable("a", ping), plainEntry("a")}}, map[string]string{}},
		"overwritten by a link":             {[]layer{{plainEntry("b"), capable("a", ping)}, {plainEntry("a -> b")}}, map[string]string{}},
		"hidden":                            {[]layer{{capable("a", ping)}, {plainEntry(".wh.a")}}, map[string]string{}},
		"hidden, then there again":          {[]layer{{capable("a", ping)}, {plainEntry(".wh.a")}, {plainEntry("a")}}, map[string]string{}},
		"of a file is its hard link's":      {[]layer{{capable("a", ping), plainEntry("b => a")}}, map[string]string{"/a": ping, "/b": ping}},
		"of a hard link is its file's":      {[]layer{{plainEntry("a"), capable("b => a", ping)}}, map[string]string{"/a": ping, "/b": ping}},
		"of a hard link to a lower layer":   {[]layer{{plainEntry("a")}, {capable("b => a", ping)}}, map[string]string{"/a": ping, "/b": ping}},
		"of a hard link replaces":           {[]layer{{capable("a", net), capable("b => a", ping)}}, map[string]string{"/a": ping, "/b": ping}},
		"a hard link of what was replaced":  {[]layer{{capable("a", ping), plainEntry("b => a")}, {plainEntry("a")}}, map[string]string{"/b": ping}},
		"directories and links have none":   {[]layer{{capable("d/", ping), capable("l -> d", ping)}}, map[string]string{}},
		"the same layer twice, then gone":   {[]layer{{capable("a", ping)}, {capable("a", ping)}, {plainEntry("a/")}}, map[string]string{}},
		"a whiteout states none for others": {[]layer{{capable(".wh.x", ping), plainEntry("a")}}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := NewStore(Limits{}), NewStore(Limits{})
			var read, decoded []*Layer
			for _, headers := range test.layers {
				l, err := before.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(headersTar(t, headers...)), Rules{Keep: keepAll})
				require.NoError(t, err)
				again, err := after.DecodeLayer("sha256:x", bytes.NewReader(encoded(t, l)))
				require.NoError(t, err)
				read, decoded = append(read, l), append(decoded, again)
			}
			require.Equal(t, before.capabilities.used.Load(), after.capabilities.used.Load())
			for store, layers := range map[*Store][]*Layer{before: read, after: decoded} {
				tree, err := store.Merge(t.Context(), layers)
				require.NoError(t, err)
				require.Equal(t, test.want, capabilities(tree))
				require.NoError(t, tree.Close())
			}
		})
	}
}

// However a layer states a capability, it is read, or known to be unreadable.
func TestFormsOfCapabilities(t *testing.T) {
	t.Parallel()
	encodings := base64.StdEncoding.EncodeToString([]byte(ping))
	long := strings.Repeat("x", 100_000)
	for name, test := range map[string]struct {
		records map[string]string
		want    string
	}{
		"star's":                          {map[string]string{starRecord: ping}, ping},
		"libarchive's":                    {map[string]string{libarchiveRecord: strings.TrimRight(encodings, "=")}, ping},
		"libarchive's, padded":            {map[string]string{libarchiveRecord: encodings}, ping},
		"libarchive's, escaped":           {map[string]string{"LIBARCHIVE.xattr.security%2Ecapability": encodings}, ping},
		"both, the same":                  {map[string]string{starRecord: ping, libarchiveRecord: encodings}, ping},
		"both, different":                 {map[string]string{starRecord: net, libarchiveRecord: encodings}, unreadable},
		"libarchive's, not base64":        {map[string]string{libarchiveRecord: "%%%"}, unreadable},
		"libarchive's, long":              {map[string]string{libarchiveRecord: base64.StdEncoding.EncodeToString([]byte(long))}, long[:maxCapability]},
		"any bytes":                       {map[string]string{starRecord: "\x00\xff\n"}, "\x00\xff\n"},
		"long":                            {map[string]string{starRecord: long}, long[:maxCapability]},
		"another attribute":               {map[string]string{"SCHILY.xattr.user.capability": ping, "LIBARCHIVE.xattr.security.selinux": encodings}, ""},
		"another archiver":                {map[string]string{"GNU.xattr.security.capability": ping}, ""},
		"libarchive's, escaped to no end": {map[string]string{"LIBARCHIVE.xattr.security%2": encodings}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hdr := plainEntry("a")
			hdr.PAXRecords = test.records
			s := NewStore(Limits{})
			l, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(headersTar(t, hdr)), Rules{Keep: keepAll})
			require.NoError(t, err)
			tree, err := s.Merge(t.Context(), []*Layer{l})
			require.NoError(t, err)
			f, _ := tree.Lstat("/a")
			require.Equal(t, test.want, f.Capability)
		})
	}
}

// tar.Writer writes no empty record, but a tar may have one.
func TestEmptyCapabilityIsUnreadable(t *testing.T) {
	t.Parallel()
	require.Equal(t, unreadable, capabilityOf(&tar.Header{PAXRecords: map[string]string{starRecord: ""}}))
	require.Equal(t, unreadable, capabilityOf(&tar.Header{PAXRecords: map[string]string{libarchiveRecord: ""}}))
}

func TestTooManyCapabilities(t *testing.T) {
	t.Parallel()
	var headers []*tar.Header
	for i := range 6 {
		headers = append(headers, capable(fmt.Sprint("f", i), ping))
	}
	data := headersTar(t, headers...)
	tight := NewStore(Limits{Capabilities: 5})
	_, err := tight.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(data), Rules{Keep: keepAll})
	requireLimit(t, "Capabilities", err)
	requireNothingTaken(t, tight)

	wide := NewStore(Limits{})
	l, err := wide.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(data), Rules{Keep: keepAll})
	require.NoError(t, err)
	_, err = tight.DecodeLayer("sha256:x", bytes.NewReader(encoded(t, l)))
	requireLimit(t, "Capabilities", err)
	requireNothingTaken(t, tight)
}

// An encoded layer whose capabilities are nobody's, or too long, is a damaged one.
func TestDamagedCapabilitiesAreNone(t *testing.T) {
	t.Parallel()
	s := NewStore(Limits{})
	l, err := s.ReadLayer(t.Context(), "sha256:x", bytes.NewReader(headersTar(t, plainEntry("d/"), capable("a", ping), capable("b", net))), Rules{Keep: keepAll})
	require.NoError(t, err)
	whole := encoded(t, l)
	for name, of := range map[string]map[uint32]string{
		"a directory's": {0: ping}, "no entry's": {3: ping}, "too long": {1: strings.Repeat("x", maxCapability+1)}, "empty": {1: ""},
		"more than entries": {1: ping, 2: ping, 3: ping, 4: ping},
	} {
		changed := *l
		changed.capabilities = of
		_, err := NewStore(Limits{}).DecodeLayer("sha256:x", bytes.NewReader(encoded(t, &changed)))
		require.ErrorIs(t, err, errEncoded, name)
	}
	for n := range whole {
		store := NewStore(Limits{})
		_, err := store.DecodeLayer("sha256:x", bytes.NewReader(whole[:n]))
		require.Error(t, err, "cut to %d", n)
		requireNothingTaken(t, store)
	}
	_, err = NewStore(Limits{}).DecodeLayer("sha256:x", strings.NewReader(strings.Replace(string(whole), "layer/2", "layer/1", 1)))
	require.ErrorIs(t, err, errEncoded, "a layer of before says nothing about capabilities")
}
