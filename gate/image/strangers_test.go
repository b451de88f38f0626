package image_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/policy"
)

// forStrangers lets nobody ask inside but the hosts that are listed.
func forStrangers(t *testing.T, listed ...string) *image.Images {
	t.Helper()
	return images(t, image.WithStrangers(image.Strangers{Private: listed}))
}

func TestStrangersReachNothingInside(t *testing.T) {
	t.Parallel()
	registry, _ := pushed(t)
	for _, host := range []string{
		registry.Host(), "localhost:5000", "10.0.0.1", "172.16.3.4:5000", "192.168.1.1", "169.254.169.254", "100.100.100.200",
		"[::1]:5000", "[fd00:ec2::254]:80", "[::ffff:10.0.0.1]:443", "[64:ff9b::a9fe:a9fe]:443", "0.0.0.0:80",
	} {
		_, err := forStrangers(t).Resolve(t.Context(), host+"/app:v1")
		requireFailure(t, err, "an address inside", "--allow-private", false)
	}
	require.Zero(t, registry.Count(""))
}

func TestStrangersReachWhatIsListed(t *testing.T) {
	t.Parallel()
	registry, digest := pushed(t)
	for _, listed := range []string{registry.Host(), "127.0.0.1", "127.0.0.0/8"} {
		subject, err := forStrangers(t, listed).Resolve(t.Context(), registry.Host()+"/app:v1")
		require.NoError(t, err, listed)
		require.Equal(t, digest, subject.Digest())
		require.Contains(t, paths(t, only(t, subject)), "/app")
	}
}

func TestStrangersAskOnlyAllowedRegistries(t *testing.T) {
	t.Parallel()
	registry, _ := pushed(t)
	allowing := func(pattern string) *image.Images {
		return images(t, image.WithStrangers(image.Strangers{
			Registries: []policy.RegistryGlob{policy.RegistryGlob(pattern)}, Private: []string{registry.Host()},
		}))
	}
	_, err := allowing("registry.example.com/**").Resolve(t.Context(), registry.Host()+"/app:v1")
	requireFailure(t, err, "none of the registries that may be asked", "--allow-registry "+registry.Host()+"/**", false)
	_, err = allowing(registry.Host()+"/team/**").Resolve(t.Context(), registry.Host()+"/app:v1")
	requireFailure(t, err, registry.Host()+"/app is in none", "", false)
	require.Zero(t, registry.Count(""), "nothing is asked before")
	_, err = allowing(registry.Host()+"/*").Resolve(t.Context(), registry.Host()+"/app:v1")
	require.NoError(t, err)
}

// A name that only resolves to an address inside is refused where it is dialled:
// see TestNamesOfAddressesInside.
func TestRegistriesSendStrangersNowhereInside(t *testing.T) {
	t.Parallel()
	storage, _ := pushed(t)
	registry, _ := pushed(t)
	registry.Break("/blobs/", gatetest.Redirect("http://"+storage.Host()))
	subject, err := forStrangers(t, registry.Host()).Resolve(t.Context(), registry.Host()+"/app:v1")
	require.NoError(t, err)
	_, err = subject.Platforms(t.Context())
	requireFailure(t, err, storage.Host()+" is an address inside", "--allow-private", false)
	require.Zero(t, storage.Count(""))

	both := forStrangers(t, registry.Host(), storage.Host())
	subject, err = both.Resolve(t.Context(), registry.Host()+"/app:v1")
	require.NoError(t, err)
	_, err = only(t, subject).Config(t.Context())
	require.NoError(t, err)
}

// TestTokenServicesInside holds a registry's word about where to log in to the
// same rule. Addresses are refused by the login's own library, before ours; names by
// ours.
func TestTokenServicesInside(t *testing.T) {
	t.Parallel()
	service, _ := pushed(t)
	registry, _ := pushed(t)
	registry.Break("/", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="x"`, service.Host()))
		w.WriteHeader(http.StatusUnauthorized)
	})
	rules := image.WithStrangers(image.Strangers{Private: []string{registry.Host()}})
	for name, keys := range map[string]authn.Keychain{"anonymous": authn.NewMultiKeychain(), "with a password": keychain{"ann", "open-sesame"}} {
		_, err := images(t, rules, image.WithKeychain(keys)).Resolve(t.Context(), registry.Host()+"/app:v1")
		require.ErrorContains(t, err, "realm", name)
		require.NotContains(t, err.Error(), "open-sesame")
	}
	require.Zero(t, service.Count(""))
}

// TestStrangersReadNoFiles: what a pod names is never a path of this machine.
func TestStrangersReadNoFiles(t *testing.T) {
	t.Parallel()
	layout := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(layout, []byte("secret"), 0o600))
	strict := images(t, image.WithStrangers(image.Strangers{Registries: []policy.RegistryGlob{"registry.example.com/**"}}))
	for _, reference := range []string{"oci:" + layout, "oci-archive:" + layout, "docker-archive:" + layout, "docker-daemon:app:v1", layout} {
		_, err := strict.Resolve(t.Context(), reference)
		var misnamed *gate.ReferenceError
		require.ErrorAs(t, err, &misnamed, reference)
	}
	_, err := strict.Resolve(t.Context(), "oci:v1") // what a container runtime takes it for
	requireFailure(t, err, "index.docker.io/library/oci is in none of the registries", "", false)
}

func TestStrangersThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, rules := range []image.Strangers{
		{Registries: []policy.RegistryGlob{"a/***"}}, {Private: []string{""}}, {Private: []string{"10.0.0.0/99"}},
		{Private: []string{"http://x"}}, {Private: []string{"a b"}},
	} {
		_, err := image.New(image.WithStrangers(rules))
		require.Error(t, err, "%+v", rules)
	}
	_, err := image.New(image.WithStrangers(image.Strangers{}), image.WithTransport(http.DefaultTransport))
	require.ErrorContains(t, err, "strangers")
}
