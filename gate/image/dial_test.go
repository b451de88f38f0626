package image

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNamesOfAddressesInside dials as for a name that resolves to this machine:
// nothing is connected to.
func TestNamesOfAddressesInside(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()

	_, err = (&strangers{}).dialer("registry.example.com:443").DialContext(t.Context(), "tcp", listener.Addr().String())
	require.ErrorContains(t, err, "registry.example.com means 127.0.0.1, an address inside")
	remedy, transient := explain(err)
	require.Contains(t, remedy, "--allow-private registry.example.com")
	require.False(t, transient)

	known, err := parseInside([]string{"127.0.0.0/8"})
	require.NoError(t, err)
	connection, err := (&strangers{inside: known}).dialer("registry.example.com:443").DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, connection.Close())
}

func TestWhatIsInside(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"8.8.8.8": false, "1.1.1.1": false, "2606:4700::1111": false, "64:ff9b::808:808": false, "2002:808:808::1": false,
		"127.0.0.1": true, "127.255.0.1": true, "10.1.2.3": true, "172.31.255.255": true, "172.32.0.1": false,
		"192.168.0.1": true, "169.254.169.254": true, "100.64.0.1": true, "100.128.0.1": false, "192.0.0.192": true,
		"168.63.129.16": true, "0.0.0.0": true, "255.255.255.255": true, "224.0.0.1": true,
		"::": true, "::1": true, "::ffff:192.168.0.1": true, "::ffff:8.8.8.8": false, "::10.0.0.1": true,
		"64:ff9b::a00:1": true, "64:ff9b:1::808:808": true, "2002:a00:1::1": true, "2001:0:a00:1::": true,
		"fd00:ec2::254": true, "fe80::1": true, "fe80::1%eth0": true, "fec0::1": true, "ff02::1": true,
	} {
		require.Equal(t, want, isInsideAddress(netip.MustParseAddr(address)), address)
	}
}

func TestHostsWithPorts(t *testing.T) {
	t.Parallel()
	known, err := parseInside([]string{"Registry.local", "other.local:5000", "10.0.0.0/8", "192.168.1.1", "fd00::/8"})
	require.NoError(t, err)
	for host, want := range map[string]bool{
		"registry.local": true, "registry.LOCAL:5000": true, "evil.registry.local": false, "other.local": false,
		"other.local:5000": true, "10.9.9.9:1": true, "192.168.1.1": true, "192.168.1.2": false, "[fd00::1]:5000": true, "[fd00::1]": true,
	} {
		require.Equal(t, want, known.lists(host), host)
	}
}

func TestProxyAddress(t *testing.T) {
	t.Parallel()
	for proxy, want := range map[string]string{
		"http://proxy.local:3128": "proxy.local:3128", "http://proxy.local": "proxy.local:80", "https://proxy.local": "proxy.local:443",
		"proxy.local:3128": "proxy.local:3128", "socks5://10.0.0.1": "10.0.0.1:1080",
	} {
		require.Equal(t, want, proxyAddress(proxy), proxy)
	}
}
