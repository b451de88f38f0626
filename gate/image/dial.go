package image

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"

	"golang.org/x/net/http/httpproxy"
)

// guard makes a transport dial only what strangers may reach. The address is looked
// at after the name was resolved and for each attempt, so that a name that means
// another address the second time gains nothing.
//
// A proxy is the operator's own and may be inside; what it then connects to only it
// knows, so that names are its to refuse. Addresses are refused before they get there.
func (s *strangers) guard(t *http.Transport) *http.Transport {
	if s == nil {
		return t
	}
	proxies := httpproxy.FromEnvironment()
	choose := proxies.ProxyFunc()
	t.Proxy = func(request *http.Request) (*url.URL, error) { return choose(request.URL) }
	known := map[string]bool{}
	for _, proxy := range []string{proxies.HTTPProxy, proxies.HTTPSProxy} {
		known[proxyAddress(proxy)] = proxy != ""
	}
	open := &net.Dialer{Timeout: dialTime, KeepAlive: dialTime}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if known[address] || s.inside.lists(address) {
			return open.DialContext(ctx, network, address)
		}
		return s.dialer(address).DialContext(ctx, network, address)
	}
	return t
}

// dialer refuses addresses inside that are not listed, whatever name they have.
func (s *strangers) dialer(asked string) *net.Dialer {
	return &net.Dialer{
		Timeout: dialTime, KeepAlive: dialTime,
		Control: func(_, dialled string, _ syscall.RawConn) error {
			address, err := netip.ParseAddrPort(dialled)
			if err != nil {
				return refuse("%s is no address that can be looked at", dialled)
			}
			if isInsideAddress(address.Addr()) && !s.inside.contains(address.Addr()) {
				return insideAddress(hostname(asked), address.Addr().String())
			}
			return nil
		},
	}
}

// proxyAddress is what is dialled for a proxy of the environment.
func proxyAddress(proxy string) string {
	at, err := url.Parse(proxy)
	if err != nil || at.Host == "" {
		at, err = url.Parse("http://" + proxy) // as net/http reads it
	}
	if err != nil {
		return ""
	}
	port := at.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[at.Scheme]
	}
	return net.JoinHostPort(at.Hostname(), port)
}

// reachTransport refuses hosts inside before anything is sent, whoever names them:
// the reference, a redirect or a token service.
type reachTransport struct {
	inner     http.RoundTripper
	strangers *strangers
}

func (t *reachTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := t.strangers.reach(request.URL.Host); err != nil {
		return nil, err
	}
	return t.inner.RoundTrip(request)
}
