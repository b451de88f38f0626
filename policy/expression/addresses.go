package expression

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// addresses are Kubernetes' functions of URLs, addresses and networks (urls.go,
// ip.go, cidr.go).
func addresses() []cel.EnvOption { return slices.Concat(urls(), ips()) }

func urls() []cel.EnvOption {
	p := parser[*url.URL]{types.NewOpaqueType("kubernetes.URL"), parseURL, func(a, b *url.URL) bool { return a.String() == b.String() }}
	text := func(name string, of func(*url.URL) string) cel.EnvOption {
		return p.method(name, cel.StringType, func(u *url.URL) ref.Val { return types.String(of(u)) })
	}
	return append(p.declare("url", "isURL"),
		text("getScheme", func(u *url.URL) string { return u.Scheme }),
		text("getHost", func(u *url.URL) string { return u.Host }),
		text("getHostname", (*url.URL).Hostname),
		text("getPort", (*url.URL).Port),
		text("getEscapedPath", (*url.URL).EscapedPath),
		p.method("getQuery", cel.MapType(cel.StringType, cel.ListType(cel.StringType)), func(u *url.URL) ref.Val {
			return types.DefaultTypeAdapter.NativeToValue(map[string][]string(u.Query()))
		}),
	)
}

// parseURL takes an absolute URL or an absolute path.
func parseURL(text string) (*url.URL, error) {
	if _, err := url.ParseRequestURI(text); err != nil {
		return nil, err
	}
	return url.Parse(text) // the other one reads a fragment as part of the path
}

func ips() []cel.EnvOption {
	ip := parser[netip.Addr]{types.NewOpaqueType("net.IP"), parseIP, func(a, b netip.Addr) bool { return a == b }}
	cidr := parser[netip.Prefix]{types.NewOpaqueType("net.CIDR"), parseCIDR, func(a, b netip.Prefix) bool { return a == b }}
	is := func(name string, of func(netip.Addr) bool) cel.EnvOption {
		return ip.method(name, cel.BoolType, func(a netip.Addr) ref.Val { return types.Bool(of(a)) })
	}
	return slices.Concat(ip.declare("ip", "isIP"), cidr.declare("cidr", "isCIDR"), []cel.EnvOption{
		ip.method("family", cel.IntType, family),
		is("isUnspecified", netip.Addr.IsUnspecified),
		is("isLoopback", netip.Addr.IsLoopback),
		is("isLinkLocalMulticast", netip.Addr.IsLinkLocalMulticast),
		is("isLinkLocalUnicast", netip.Addr.IsLinkLocalUnicast),
		is("isGlobalUnicast", netip.Addr.IsGlobalUnicast),
		with(cidr, "containsIP", ip.kind, cel.BoolType, func(n netip.Prefix, a netip.Addr) ref.Val { return types.Bool(n.Contains(a)) }),
		with(cidr, "containsIP", cel.StringType, cel.BoolType, func(n netip.Prefix, text string) ref.Val {
			a, err := parseIP(text)
			if err != nil {
				return types.NewErr("ip: %v", err)
			}
			return types.Bool(n.Contains(a))
		}),
		with(cidr, "containsCIDR", cidr.kind, cel.BoolType, containsNet),
		with(cidr, "containsCIDR", cel.StringType, cel.BoolType, func(n netip.Prefix, text string) ref.Val {
			m, err := parseCIDR(text)
			if err != nil {
				return types.NewErr("cidr: %v", err)
			}
			return containsNet(n, m)
		}),
		cel.Function("string",
			cel.Overload("ip_to_string", []*cel.Type{ip.kind}, cel.StringType, cel.UnaryBinding(asText)),
			cel.Overload("cidr_to_string", []*cel.Type{cidr.kind}, cel.StringType, cel.UnaryBinding(asText))),
		cidr.method("ip", ip.kind, func(n netip.Prefix) ref.Val { return ip.value(n.Addr()) }),
		cidr.method("masked", cidr.kind, func(n netip.Prefix) ref.Val { return cidr.value(n.Masked()) }),
		cel.Function("ip.isCanonical", cel.Overload("ip_is_canonical_string", []*cel.Type{cel.StringType}, cel.BoolType, cel.UnaryBinding(isCanonical))),
		cidr.method("prefixLength", cel.IntType, func(n netip.Prefix) ref.Val { return types.Int(n.Bits()) }),
	})
}

func containsNet(n, m netip.Prefix) ref.Val {
	return types.Bool(n.Bits() <= m.Bits() && n.Contains(m.Addr()))
}

// isCanonical says whether an address is written in the one way that netip writes it.
func isCanonical(v ref.Val) ref.Val {
	text := string(v.(types.String))
	a, err := parseIP(text)
	if err != nil {
		return types.NewErr("ip: %v", err)
	}
	return types.Bool(a.String() == text)
}

func asText(v ref.Val) ref.Val { return v.ConvertToType(types.StringType) }

// family is 4 or 6.
func family(a netip.Addr) ref.Val {
	if a.Is4() {
		return types.Int(4)
	}
	return types.Int(6)
}

var errMapped = errors.New("addresses with a zone and IPv4 addresses written as IPv6 are not read")

func parseIP(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err == nil && (a.Zone() != "" || a.Is4In6()) {
		return netip.Addr{}, errMapped
	}
	return a, err
}

// parseCIDR takes a network with bits behind its prefix too, as Kubernetes does:
// masked() clears them.
func parseCIDR(text string) (netip.Prefix, error) {
	n, err := netip.ParsePrefix(text)
	if err == nil && n.Addr().Is4In6() {
		return netip.Prefix{}, errMapped
	}
	return n, err
}
