package image

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/imagegate/imagegate/policy"
)

// Strangers says what references that anybody may have written can reach: those of
// pods, for example. What they reach, our machine asks with our credentials.
type Strangers struct {
	// Registries are the registries and repositories that may be asked, as patterns
	// over registry/repository. Empty means all.
	Registries []policy.RegistryGlob
	// Private are the hosts, addresses and networks that may be asked although they
	// are inside: "registry.local", "registry.local:5000", "127.0.0.1", "10.1.0.0/16".
	// A host that is listed may resolve to any address. Empty means none.
	Private []string
}

// WithStrangers bounds references that anybody may have written. Nothing but a
// registry is read: "oci:app" is an image of Docker Hub as it is for a container
// runtime, never a folder of this machine. Repositories that no pattern allows are
// refused before anything is sent. Addresses that only machines inside can reach
// are refused when they are dialled, after names were resolved (CWE-918), for
// redirects and token services too, unless they are listed. It does not go with
// WithTransport. Default: references are the user's own, and nothing is refused.
func WithStrangers(rules Strangers) Option {
	return func(s *settings) error {
		for _, pattern := range rules.Registries {
			if err := new(policy.RegistryGlob).UnmarshalText([]byte(pattern)); err != nil {
				return fmt.Errorf("allowed registry %q: %w", pattern, err)
			}
		}
		inside, err := parseInside(rules.Private)
		if err != nil {
			return err
		}
		s.strangers = &strangers{registries: rules.Registries, inside: inside}
		return nil
	}
}

// strangers are the bounds on references that anybody may have written; nil bounds
// nothing.
type strangers struct {
	registries []policy.RegistryGlob
	inside     inside
}

// parse reads a reference; that of a stranger as a container runtime reads it.
func (s *strangers) parse(typed string) (location, error) {
	if s == nil {
		return parse(typed)
	}
	if reason, hint := unreadable(typed); reason != "" {
		return location{}, misnamed(typed, hint, "%s", reason)
	}
	return parseRegistry(typed)
}

// allow says whether a repository may be asked at all.
func (s *strangers) allow(repository name.Repository) error {
	if s == nil {
		return nil
	}
	registry, path := repository.RegistryStr(), repository.RepositoryStr()
	if len(s.registries) > 0 && !slices.ContainsFunc(s.registries, func(g policy.RegistryGlob) bool { return g.Matches(registry, path) }) {
		return (&refused{message: fmt.Sprintf("%s/%s is in none of the registries that may be asked", registry, path)}).
			advising("copy the image to one of them, or allow it: --allow-registry " + registry + "/**")
	}
	return s.reach(registry)
}

// reach says whether a host may be asked by its name or address alone. What its
// name means is looked at when it is dialled.
func (s *strangers) reach(host string) error {
	if s == nil || s.inside.lists(host) || !isInside(hostname(host)) {
		return nil
	}
	return insideAddress(host, host)
}

func insideAddress(host, address string) error {
	message := fmt.Sprintf("%s is an address inside, which images may not be read from", address)
	if host != address {
		message = fmt.Sprintf("%s means %s, an address inside, which images may not be read from", host, address)
	}
	return (&refused{message: message}).advising("if that is a registry of yours, list it: --allow-private " + host)
}

// inside are the hosts and networks inside that may be asked.
type inside struct {
	hosts    []string // "host" or "host:port", in lower case
	networks []netip.Prefix
}

func parseInside(list []string) (inside, error) {
	var known inside
	for _, text := range list {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			known.networks = append(known.networks, prefix.Masked())
			continue
		}
		if address, err := netip.ParseAddr(text); err == nil {
			known.networks = append(known.networks, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		if registry, err := name.NewRegistry(text, name.WeakValidation); err != nil || text == "" || registry.RegistryStr() != text {
			return inside{}, errors.New("allowed private " + printable(text) + ": give a host, host:port, an address or a network like 10.1.0.0/16")
		}
		known.hosts = append(known.hosts, strings.ToLower(text))
	}
	return known, nil
}

// lists says whether a host, with or without a port, is listed by its name or by
// the address that it is written as.
func (i inside) lists(host string) bool {
	host = strings.ToLower(host)
	if slices.Contains(i.hosts, host) || slices.Contains(i.hosts, hostname(host)) {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(hostname(host), "[]"))
	return err == nil && i.contains(address)
}

// lists says whether somebody has listed a host although it is inside.
func (s *strangers) lists(host string) bool { return s != nil && s.inside.lists(host) }

func (i inside) contains(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(i.networks, func(n netip.Prefix) bool { return n.Contains(address) })
}

// hostname is a host without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
