package image

import (
	"io"
	"net"
	"strings"

	ecr "github.com/awslabs/amazon-ecr-credential-helper/ecr-login"
	acr "github.com/chrismellard/docker-credential-acr-env/pkg/credhelper"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/github"
	"github.com/google/go-containerregistry/pkg/v1/google"
)

// DefaultKeychain finds credentials where they usually are: the Docker (or
// Podman) config with its credential helpers first, then, for the registries of
// the clouds, the identity the machine has there. Nothing is asked before a
// registry of that cloud is met.
func DefaultKeychain() authn.Keychain {
	return authn.NewMultiKeychain(
		authn.DefaultKeychain,
		google.Keychain,
		github.Keychain,
		onlyFor(amazonHosts, authn.NewKeychainFromHelper(ecr.NewECRHelper(ecr.WithLogger(io.Discard)))),
		onlyFor(azureHosts, authn.NewKeychainFromHelper(acr.NewACRCredentialsHelper())),
	)
}

// Registries of the clouds, as suffixes of host names. The helpers match more
// loosely; what matters is that no token of a cloud is ever offered to a host
// like "x.azurecr.io.example.com".
var (
	amazonHosts = []string{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".on.aws", ".on.amazonwebservices.com.cn", "public.ecr.aws"}
	azureHosts  = []string{".azurecr.io", ".azurecr.cn", ".azurecr.de", ".azurecr.us"}
)

// hostKeychain asks another keychain only about some hosts.
type hostKeychain struct {
	suffixes []string
	inner    authn.Keychain
}

func onlyFor(suffixes []string, inner authn.Keychain) authn.Keychain {
	return hostKeychain{suffixes, inner}
}

// Resolve implements authn.Keychain.
func (k hostKeychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	host := target.RegistryStr()
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for _, suffix := range k.suffixes {
		if host == suffix || strings.HasPrefix(suffix, ".") && strings.HasSuffix(host, suffix) {
			return k.inner.Resolve(target)
		}
	}
	return authn.Anonymous, nil
}
