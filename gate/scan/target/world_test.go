package target_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/scan/target"
)

// world is a registry on loopback, whose lists come in small pages.
type world struct {
	t    *testing.T
	host string

	mu    sync.Mutex
	asked []string
	// answer, where it is set, is asked first.
	answer func(w http.ResponseWriter, r *http.Request) bool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked = append(w.asked, r.Method+" "+r.URL.RequestURI())
		answer := w.answer
		w.mu.Unlock()
		if answer != nil && answer(out, r) {
			return
		}
		if strings.HasSuffix(r.URL.Path, "/_catalog") || strings.HasSuffix(r.URL.Path, "/tags/list") {
			paged(out, r, inner)
			return
		}
		inner.ServeHTTP(out, r)
	}))
	t.Cleanup(server.Close)
	w.host = strings.TrimPrefix(server.URL, "http://")
	return w
}

// perPage is how many names one page holds, whatever is asked for.
const perPage = 3

// paged cuts a whole list into pages, as registries do (distribution spec, Link).
func paged(out http.ResponseWriter, r *http.Request, inner http.Handler) {
	last := r.URL.Query().Get("last")
	whole := httptest.NewRecorder()
	asked := r.Clone(r.Context())
	asked.URL.RawQuery = "n=100000"
	inner.ServeHTTP(whole, asked)
	var list map[string]any
	if whole.Code != http.StatusOK || json.Unmarshal(whole.Body.Bytes(), &list) != nil {
		http.Error(out, whole.Body.String(), whole.Code)
		return
	}
	key := "tags"
	if list["repositories"] != nil {
		key = "repositories"
	}
	var all, page []string
	for _, each := range list[key].([]any) {
		all = append(all, each.(string))
	}
	slices.Sort(all)
	for _, name := range all {
		if name > last {
			if len(page) == perPage {
				out.Header().Set("Link", fmt.Sprintf(`<%s?last=%s&n=%d>; rel="next"`, r.URL.Path, page[perPage-1], perPage))
				break
			}
			page = append(page, name)
		}
	}
	list[key] = page
	_ = json.NewEncoder(out).Encode(list)
}

// push puts an image under a name; its digest is its own.
func (w *world) push(repositoryAndTag string, created time.Time) string {
	w.t.Helper()
	image, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"name": repositoryAndTag}})
	require.NoError(w.t, err)
	image, err = mutate.CreatedAt(image, v1.Time{Time: created})
	require.NoError(w.t, err)
	return w.write(repositoryAndTag, image)
}

// artifact puts something under a name that is no image.
func (w *world) artifact(repositoryAndTag string, config types.MediaType) {
	w.t.Helper()
	w.write(repositoryAndTag, mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), config))
}

func (w *world) write(repositoryAndTag string, image v1.Image) string {
	w.t.Helper()
	reference, err := name.ParseReference(w.host + "/" + repositoryAndTag)
	require.NoError(w.t, err)
	require.NoError(w.t, remote.Write(reference, image))
	digest, err := image.Digest()
	require.NoError(w.t, err)
	return digest.String()
}

// signature puts under a name what cosign keeps there: an image config, and a layer
// that nothing unpacks.
func (w *world) signature(repositoryAndTag string) {
	w.t.Helper()
	layer := static.NewLayer([]byte(repositoryAndTag), "application/vnd.dev.cosign.simplesigning.v1+json")
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), layer)
	require.NoError(w.t, err)
	w.write(repositoryAndTag, image)
}

// list is what targets yield, without the host.
func (w *world) list(o target.Options, targets ...string) (names []string, errs []error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for reference, err := range target.List(ctx, targets, o) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		names = append(names, strings.TrimPrefix(reference.Name, w.host+"/"))
	}
	return names, errs
}

func (w *world) requests(part string) (count int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, each := range w.asked {
		if strings.Contains(each, part) {
			count++
		}
	}
	return count
}
