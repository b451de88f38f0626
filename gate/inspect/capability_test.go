package inspect

import (
	"encoding/binary"
	"testing"

	"github.com/moby/sys/capability"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
)

// capabilityData is a struct vfs_cap_data of these words.
func capabilityData(words ...uint32) string {
	var data []byte
	for _, w := range words {
		data = binary.LittleEndian.AppendUint32(data, w)
	}
	return string(data)
}

const raw = 1 << 13 // CAP_NET_RAW

var netRaw = capabilityData(0x02000001, raw, 0, 0, 0)

// capable gives an entry a capability as containerd and docker do.
func capable(value string, entry gatetest.Entry) gatetest.Entry {
	entry.PAX = map[string]string{"SCHILY.xattr.security.capability": value}
	return entry
}

func TestCapabilitiesAreNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ value, want string }{
		// What setcap(8) of libcap wrote, as os.Getxattr returned it.
		"setcap cap_net_raw=ep":       {"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "cap_net_raw=ep"},
		"revision 1":                  {capabilityData(0x01000001, raw, 0), "cap_net_raw=ep"},
		"revision 2, beyond 32":       {capabilityData(0x02000001, 0, 0, 1<<7|1<<8, 0), "cap_bpf,cap_checkpoint_restore=ep"},
		"revision 3, every namespace": {capabilityData(0x03000001, raw, 0, 0, 0, 0), "cap_net_raw=ep"},
		"revision 3, one namespace":   {capabilityData(0x03000001, raw, 0, 0, 0, 1000), "cap_net_raw=ep [rootid=1000]"},
		"not effective":               {capabilityData(0x02000000, raw, 0, 0, 0), "cap_net_raw=p"},
		"inheritable only":            {capabilityData(0x02000000, 0, raw, 0, 0), "cap_net_raw=i"},
		"different sets":              {capabilityData(0x02000001, raw|1, raw|2, 0, 0), "cap_chown=ep cap_net_raw=eip cap_dac_override=ei"},
		"all":                         {capabilityData(0x02000001, 1<<32-1, 0, 1<<9-1, 0), "all=ep"},
		"all that there may ever be":  {capabilityData(0x02000001, 1<<32-1, 0, 1<<32-1, 0), "all=ep"},
		"one that has no name yet":    {capabilityData(0x02000001, 0, 0, 1<<31, 0), "cap_63=ep"},
		"empty":                       {capabilityData(0x02000001, 0, 0, 0, 0), ""},
		"empty in a namespace":        {capabilityData(0x03000000, 0, 0, 0, 0, 1000), ""},
	} {
		c, ok := parseFileCapability(test.value)
		require.True(t, ok, name)
		require.Equal(t, test.want, c.String(), name)
	}
}

func TestWhatIsNoCapability(t *testing.T) {
	t.Parallel()
	whole := capabilityData(0x02000001, raw, 0, 0, 0)
	for name, value := range map[string]string{
		"nothing": "", "a mark": "?", "cut": whole[:19], "longer": whole + "\x00", "no revision": capabilityData(1, raw, 0, 0, 0),
		"revision 4": capabilityData(0x04000001, raw, 0, 0, 0), "revision 1 with two words": capabilityData(0x01000001, raw, 0, 0, 0),
		"revision 2 of 3's size": capabilityData(0x02000001, raw, 0, 0, 0, 0), "revision 3 of 2's size": capabilityData(0x03000001, raw, 0, 0, 0),
		"an unknown flag": capabilityData(0x02000003, raw, 0, 0, 0), "big-endian": "\x02\x00\x00\x01" + whole[4:],
	} {
		_, ok := parseFileCapability(value)
		require.False(t, ok, name)
	}
}

// The names are found by number, so the list must have no holes.
func TestKnownCapabilitiesAreInOrder(t *testing.T) {
	t.Parallel()
	for i, c := range capability.ListKnown() {
		require.Equal(t, capability.Cap(i), c)
	}
	require.Less(t, len(capability.ListKnown()), 64)
}

func FuzzFileCapability(f *testing.F) {
	f.Add("")
	f.Add(capabilityData(0x01000001, raw, 0))
	f.Add(capabilityData(0x02000001, raw, 1, 1<<8, 1<<31))
	f.Add(capabilityData(0x03000000, 1<<32-1, 0, 1<<32-1, 0, 1000))
	f.Fuzz(func(t *testing.T, value string) {
		c, ok := parseFileCapability(value)
		if text := c.String(); !ok || c.permitted|c.inheritable == 0 {
			require.Empty(t, text)
		} else {
			require.NotEmpty(t, text)
			require.Less(t, len(text), 2000)
		}
	})
}
