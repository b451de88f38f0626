package image

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// acceptManifests are the kinds of manifest that can be judged, newest first. The
// order is a wish; registries send what they have.
var acceptManifests = strings.Join([]string{
	string(types.OCIImageIndex), string(types.OCIManifestSchema1),
	string(types.DockerManifestList), string(types.DockerManifestSchema2),
}, ", ")

// registry is one repository of a registry, as a source of manifests and blobs
// (OCI distribution spec).
type registry struct {
	repository name.Repository
	sessions   *sessions
	limits     Limits
}

// manifest is the answer to a tag or a digest, unverified.
func (r *registry) manifest(ctx context.Context, reference string) (content []byte, mediaType string, err error) {
	response, err := r.get(ctx, "manifests/"+reference, http.Header{"Accept": {acceptManifests}})
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = response.Body.Close() }()
	mediaType, err = r.mediaType(response)
	if err != nil {
		return nil, "", err
	}
	content, err = readAll(response.Body, r.limits.ManifestBytes, "ManifestBytes", "manifest %s", reference)
	if err != nil {
		return nil, "", err
	}
	return content, mediaType, asStated(content, response.Header)
}

// asStated compares a manifest with the digest that its registry states, where it
// does. What a tag names has no other digest that would show damage on the way;
// what is asked for by digest is verified against that all the same.
func asStated(content []byte, header http.Header) error {
	stated, err := v1.NewHash(header.Get("Docker-Content-Digest"))
	if err != nil {
		return nil //nolint:nilerr // a registry need not state one (OCI distribution spec)
	}
	return verify(content, stated)
}

// mediaType is the type of a manifest as the registry calls it. A web page is not
// one: it comes from something that stands in front of the registry.
func (r *registry) mediaType(response *http.Response) (string, error) {
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		return "", nil //nolint:nilerr // registries that send none leave it to the manifest
	}
	if mediaType == "text/html" {
		return "", &pageError{host: r.repository.RegistryStr()}
	}
	return mediaType, nil
}

// blob opens a blob at an offset. It is unverified, and as long as the registry
// pleases: the reader has to bound it.
func (r *registry) blob(ctx context.Context, digest v1.Hash, offset int64) (io.ReadCloser, error) {
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	response, err := r.get(ctx, "blobs/"+digest.String(), header)
	if err != nil {
		return nil, err
	}
	if offset > 0 && !startsAt(response, offset) {
		_ = response.Body.Close()
		return nil, errNoRange
	}
	return response.Body, nil
}

// errNoRange is a registry that cannot continue a blob where it broke off.
var errNoRange = errors.New("the registry does not serve parts of a blob")

func startsAt(response *http.Response, offset int64) bool {
	return response.StatusCode == http.StatusPartialContent &&
		strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset))
}

// get asks for something below the repository; any answer but 200 and 206 is a
// *statusError.
func (r *registry) get(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	address := url.URL{Scheme: "https", Host: r.repository.RegistryStr(), Path: "/v2/" + r.repository.RepositoryStr() + "/"}
	below, err := address.Parse(path)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, below.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header = header
	response, err := r.sessions.send(ctx, r.repository, request)
	if err != nil {
		return nil, r.translate(err)
	}
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusPartialContent {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	return nil, r.translate(r.statusOf(response))
}

// statusOf reads what a registry says about its refusal.
func (r *registry) statusOf(response *http.Response) error {
	status := &statusError{
		code: response.StatusCode, host: loginHost(r.repository.Registry),
		retryAfter: retryAfter(response),
	}
	err := transport.CheckError(response, http.StatusOK)
	var said *transport.Error
	if errors.As(err, &said) && len(said.Errors) > 0 {
		status.message = said.Error()
	} else {
		status.message = fmt.Sprintf("%s answered %s", response.Request.URL.Host, response.Status)
	}
	return status
}

func retryAfter(response *http.Response) string {
	after := response.Header.Get("Retry-After")
	if after != "" && strings.Trim(after, "0123456789") == "" {
		return after + "s"
	}
	return printable(after)
}

// translate turns the errors of the login into ours, so that the remedy names the
// registry and not its token service. On loopback the login tries HTTPS and HTTP
// and fails with both; that a certificate is not trusted then says more than what
// such a server answers to HTTP.
func (r *registry) translate(err error) error {
	var protocol *transport.Error
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fmt.Errorf("%s: %w", r.repository.RegistryStr(), certificate)
	}
	if errors.As(err, &protocol) {
		return &statusError{code: protocol.StatusCode, host: loginHost(r.repository.Registry), message: "login: " + protocol.Error()}
	}
	return err
}

// loginHost is what `docker login` wants to hear.
func loginHost(registry name.Registry) string {
	if registry.RegistryStr() == name.DefaultRegistry {
		return "docker.io"
	}
	return registry.RegistryStr()
}

// statusError is an answer other than the one asked for.
type statusError struct {
	code       int
	host       string
	retryAfter string
	message    string
}

func (e *statusError) Error() string { return e.message }

// isStatus says whether a registry answered with one of these.
func isStatus(err error, codes ...int) bool {
	var status *statusError
	if !errors.As(err, &status) {
		return false
	}
	for _, code := range codes {
		if status.code == code {
			return true
		}
	}
	return false
}

// pageError is a web page where a manifest should be.
type pageError struct{ host string }

func (e *pageError) Error() string {
	return fmt.Sprintf("%s answered with a web page instead of a manifest", e.host)
}

// readAll reads what must fit into a limit.
func readAll(from io.Reader, limit int64, name, what string, args ...any) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, overLimit(name, limit, what, args...)
	}
	return content, nil
}

func (r *registry) rawManifest(ctx context.Context, digest v1.Hash) ([]byte, string, error) {
	return r.manifest(ctx, digest.String())
}

// openLayer fetches a layer from this registry and nowhere else, whatever urls its
// descriptor has.
func (r *registry) openLayer(ctx context.Context, descriptor v1.Descriptor, _ v1.Hash) (io.ReadCloser, v1.Descriptor, error) {
	content, err := r.openBlob(ctx, descriptor)
	return content, descriptor, err
}
