package image

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imagegate/imagegate/gate"
)

// Option changes how Images reads, never what it believes.
type Option func(*settings) error

type settings struct {
	keychain  authn.Keychain
	transport http.RoundTripper
	agent     string
	plain     map[string]bool
	engine    string
	limits    Limits
	reading   reading
	memory    gate.Memory
	layers    *layerMemory
	strangers *strangers
}

// WithKeychain replaces where credentials are looked up. Default DefaultKeychain.
func WithKeychain(keychain authn.Keychain) Option {
	return func(s *settings) error {
		if keychain == nil {
			return errors.New("the keychain must not be nil; anonymous is authn.NewMultiKeychain()")
		}
		s.keychain = keychain
		return nil
	}
}

// WithInsecureRegistries allows plain HTTP to these registries ("host" or
// "host:port", as in references), when they do not speak HTTPS. Default none but
// loopback.
func WithInsecureRegistries(hosts ...string) Option {
	return func(s *settings) error {
		for _, host := range hosts {
			registry, err := name.NewRegistry(host, name.WeakValidation)
			if err != nil || host == "" || strings.Contains(host, "/") {
				return fmt.Errorf("%q is no registry: give host or host:port", host)
			}
			s.plain[registry.RegistryStr()] = true
		}
		return nil
	}
}

// WithUserAgent replaces the name given to registries. Default "imagegate" with
// its version.
func WithUserAgent(agent string) Option {
	return func(s *settings) error { s.agent = agent; return nil }
}

// WithTransport replaces the connection to the network: for other certificate
// authorities, proxies, or rules about which addresses may be dialled. Bounds,
// retries and the rule about plain HTTP stay around it. It must not decompress
// bodies. Default: proxies from the environment and timeouts for each phase.
func WithTransport(transport http.RoundTripper) Option {
	return func(s *settings) error { s.transport = transport; return nil }
}

// WithDockerHost is the address of the Docker engine: "unix:///path" or
// "tcp://host:port". Default $DOCKER_HOST, else unix:///var/run/docker.sock.
func WithDockerHost(address string) Option {
	return func(s *settings) error { s.engine = address; return nil }
}

// WithLimits replaces the bounds on what is read; what is zero keeps its default.
func WithLimits(limits Limits) Option {
	return func(s *settings) error { s.limits = limits; return nil }
}
