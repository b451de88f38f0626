package image

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// insideNetworks are the networks that no public registry is in: the special-purpose
// registries of IANA (RFC 6890) where they are not globally reachable, and what
// clouds keep for their machines. Metadata services, which hand credentials to
// whoever asks from such a machine, are all in here.
var insideNetworks = prefixes(
	"0.0.0.0/8",        // this network: many systems dial this machine
	"10.0.0.0/8",       // private (RFC 1918)
	"100.64.0.0/10",    // shared between carriers (RFC 6598); metadata of one cloud
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // public by its number, but the host of each machine of one cloud
	"169.254.0.0/16",   // link-local (RFC 3927); metadata of most clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments (RFC 6890); metadata of one cloud
	"192.0.2.0/24",     // documentation (RFC 5737)
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks (RFC 2544)
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and broadcast
	"::/96",            // unspecified, loopback, and IPv4 in an abandoned form (RFC 4291)
	"64:ff9b:1::/48",   // translation to IPv4, local use (RFC 8215)
	"100::/64",         // discard (RFC 6666)
	"2001::/23",        // protocol assignments, Teredo among them (RFC 2928, RFC 4380)
	"2001:db8::/32",    // documentation (RFC 3849)
	"3fff::/20",        // documentation (RFC 9637)
	"5f00::/16",        // segment routing (RFC 9602)
	"fc00::/7",         // unique local (RFC 4193); metadata of one cloud
	"fe80::/10",        // link-local
	"fec0::/10",        // site-local, abandoned (RFC 3879)
	"ff00::/8",         // multicast
)

// IPv6 addresses that hold an IPv4 address are where that one is.
var (
	translated = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour  = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// isInsideAddress says whether an address is one that only machines inside can
// reach.
func isInsideAddress(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	bytes := address.As16()
	switch {
	case address.Is6() && translated.Contains(address):
		address = netip.AddrFrom4([4]byte(bytes[12:16]))
	case address.Is6() && sixToFour.Contains(address):
		address = netip.AddrFrom4([4]byte(bytes[2:6]))
	}
	return slices.ContainsFunc(insideNetworks, func(n netip.Prefix) bool { return n.Contains(address) })
}

// isInside says whether a host is by its name or address on this machine or in a
// private network. What a name resolves to is another question: see WithStrangers.
func isInside(host string) bool {
	if isLoopback(host) {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && isInsideAddress(address)
}

// isLoopback says whether a host is this machine by its name alone.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
