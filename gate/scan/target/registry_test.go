package target_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/scan/target"
)

var day = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// filled is a registry with four repositories, ten images and artifacts between them.
func filled(t *testing.T) *world {
	w := newWorld(t)
	for i, tag := range []string{"v1.2.0", "v1.10.0", "v1.9.0", "latest", "v2.0.0-rc1"} {
		w.push("team/app:"+tag, day.AddDate(0, 0, -i))
	}
	w.push("team/deep/tool:1", day)
	w.push("other/app:1", day)
	w.push("other/app:2", day)
	digest := w.push("base:12", day)
	w.push("base:11", time.Unix(0, 0))
	beside := strings.ReplaceAll(digest, ":", "-")
	for _, suffix := range []string{".sig", ".att", ".sbom", ""} {
		w.signature("base:" + beside + suffix)
	}
	w.artifact("base:chart", "application/vnd.cncf.helm.config.v1+json")
	return w
}

func TestTargets(t *testing.T) {
	t.Parallel()
	w := filled(t)
	app := []string{"team/app:v2.0.0-rc1", "team/app:v1.10.0", "team/app:v1.9.0", "team/app:v1.2.0", "team/app:latest"}
	base, tool, other := []string{"base:12", "base:11"}, []string{"team/deep/tool:1"}, []string{"other/app:2", "other/app:1"}
	for typed, want := range map[string][][]string{
		"":                  {base, other, app, tool},
		"/":                 {base, other, app, tool},
		"/team/**":          {app, tool},
		"/team/*":           {app},
		"/{base,other/*}":   {base, other},
		"/**/app:v1.*":      {app[1:4]},
		"/team/app":         {app},
		"/team/app:v1.1?.*": {app[1:2]},
		"/team/app:latest":  {app[4:]},
		"/nothing/**":       {},
	} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			names, errs := w.list(target.Options{}, w.host+typed)
			require.Empty(t, errs)
			var all []string
			for _, part := range want {
				all = append(all, part...)
			}
			require.Equal(t, all, names)
		})
	}
}

func TestTagsAreResolvedToDigests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	digest := w.push("app:1", day)
	for reference, err := range target.List(t.Context(), []string{w.host + "/app", w.host + "/app:1", w.host + "/app@" + digest, w.host + "/app:gone"}, target.Options{}) {
		require.NoError(t, err)
		require.Equal(t, reference.Target, strings.TrimSuffix(reference.Target, "?"))
		if strings.HasSuffix(reference.Name, ":gone") {
			require.Empty(t, reference.Digest, "what is not there is still a reference: the gate says so")
			continue
		}
		require.Equal(t, digest, reference.Digest, reference.Target)
	}
}

func TestIndexesAreImagesAndOthersAreTold(t *testing.T) {
	t.Parallel()
	w := filled(t)
	index, err := random.Index(10, 1, 2)
	require.NoError(t, err)
	reference, err := name.ParseReference(w.host + "/base:index")
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(reference, mutate.IndexMediaType(index, types.OCIImageIndex)))
	require.NoError(t, remote.WriteIndex(reference.Context().Tag("none"), empty.Index))

	skipped := map[string]string{}
	names, errs := w.list(target.Options{Parallel: 1, Skipped: func(name, what string) { skipped[name] = what }}, w.host+"/base")
	require.Empty(t, errs)
	require.Equal(t, []string{"base:12", "base:11", "base:index", "base:none"}, names)
	require.Len(t, skipped, 5)
	require.Equal(t, "application/vnd.cncf.helm.config.v1+json", skipped[w.host+"/base:chart"])
}

// TestNamesHideNothing: what could run is an image, under whatever tag and with
// whatever artifactType.
func TestNamesHideNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	runs, err := random.Image(10, 1)
	require.NoError(t, err)
	tag := "sha256-" + strings.Repeat("a", 64)
	w.write("app:"+tag+".sig", runs)
	w.signature("app:" + tag + ".att")
	reference, err := name.ParseReference(w.host + "/app:" + tag)
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(reference, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: runs})))
	typed := "application/vnd.oci.image.index.v1+json"
	w.answer = func(out http.ResponseWriter, r *http.Request) bool {
		out.Header().Set("Content-Type", typed)
		return send(out, r, "/manifests/typed", `{"schemaVersion":2,"mediaType":"`+typed+`","artifactType":"application/x","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:`+strings.Repeat("b", 64)+`"}]}`)
	}
	names, errs := w.list(target.Options{}, w.host+"/app", w.host+"/app:typed")
	require.Empty(t, errs)
	require.Equal(t, []string{"app:" + tag, "app:" + tag + ".sig", "app:typed"}, names)
}

func TestTagFilters(t *testing.T) {
	t.Parallel()
	w := filled(t)
	for name, c := range map[string]struct {
		tags target.Tags
		of   string
		want []string
	}{
		"highest versions":          {target.Tags{Newest: 2, Order: target.ByVersion}, "/team/app", []string{"v2.0.0-rc1", "v1.10.0"}},
		"newest by time":            {target.Tags{Newest: 2}, "/team/app", []string{"v1.2.0", "v1.10.0"}},
		"matching":                  {target.Tags{Match: regexp.MustCompile(`^v1\.`)}, "/team/app", []string{"v1.10.0", "v1.9.0", "v1.2.0"}},
		"since":                     {target.Tags{Since: day.AddDate(0, 0, -1)}, "/team/app", []string{"v1.10.0", "v1.2.0"}},
		"since, one of":             {target.Tags{Since: day.AddDate(0, 0, -1), Newest: 1, Order: target.ByVersion}, "/team/app", []string{"v1.10.0"}},
		"no known time":             {target.Tags{Since: day.AddDate(1, 0, 0)}, "/base", []string{"11"}},
		"unknown time last":         {target.Tags{Newest: 2}, "/base", []string{"12", "11"}},
		"artifacts are no versions": {target.Tags{Newest: 5, Order: target.ByVersion}, "/base", []string{"12", "11"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			names, errs := w.list(target.Options{Tags: c.tags}, w.host+c.of)
			require.Empty(t, errs)
			for i := range names {
				names[i] = names[i][strings.LastIndexByte(names[i], ':')+1:]
			}
			require.Equal(t, c.want, names)
		})
	}
	_, errs := w.list(target.Options{Tags: target.Tags{Newest: -1}}, w.host)
	require.ErrorAs(t, errs[0], new(*target.UsageError))
}

// TestTimesOfTheRegistryCount lists as Google's registries do: manifests beside tags.
func TestTimesOfTheRegistryCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push("app:old", day)
	w.push("app:new", day.AddDate(-1, 0, 0))
	w.answer = func(out http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		fmt.Fprint(out, `{"tags":["new","old"],"manifest":{"sha256:a":{"tag":["new"],"timeUploadedMs":"1803902400000"},"sha256:b":{"tag":["old"],"timeUploadedMs":"1703902400000"}}}`)
		return true
	}
	names, errs := w.list(target.Options{Tags: target.Tags{Newest: 1}}, w.host+"/app")
	require.Empty(t, errs)
	require.Equal(t, []string{"app:new"}, names)
	require.Zero(t, w.requests("/blobs/sha256:x"))
}

func TestRegistriesWithoutACatalogSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, code := range []int{401, 403, 404, 405, 501} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.answer = func(out http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/_catalog") {
					out.WriteHeader(code)
					return true
				}
				return false
			}
			w.push("app:1", day)
			names, errs := w.list(target.Options{}, w.host, w.host+"/app")
			require.Equal(t, []string{"app:1"}, names, "the other targets go on")
			require.Len(t, errs, 1)
			var failed *target.Error
			require.ErrorAs(t, errs[0], &failed)
			require.Contains(t, failed.Remedy(), "file:images.txt")
			require.Contains(t, failed.Error(), "catalog")
			require.False(t, failed.Transient())
		})
	}
	w := newWorld(t)
	w.answer = func(out http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		out.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	_, errs := w.list(target.Options{}, w.host)
	var failed *target.Error
	require.ErrorAs(t, errs[0], &failed)
	require.True(t, failed.Transient(), "a registry in trouble is not one without a catalog")
}

func TestHostileLists(t *testing.T) {
	t.Parallel()
	elsewhere := newWorld(t)
	elsewhere.push("stolen:1", day)
	page := func(link string, names ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(out http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/_catalog") {
				return false
			}
			if link != "" {
				out.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, link))
			}
			_ = json.NewEncoder(out).Encode(map[string]any{"repositories": names})
			return true
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		limits target.Limits
		want   string
	}{
		"another host": {page("http://"+elsewhere.host+"/v2/_catalog?last=x", "app"), target.Limits{}, "leads elsewhere"},
		"another path": {page("/v2/app/tags/list", "app"), target.Limits{}, "leads elsewhere"},
		"with a user":  {page("//user@"+elsewhere.host+"/v2/_catalog", "app"), target.Limits{}, "leads elsewhere"},
		"a circle":     {page("/v2/_catalog?n=1000", "app"), target.Limits{}, "circle"},
		"no address":   {page("http://%zz", "app"), target.Limits{}, "cannot be read"},
		"too many":     {page("", "a1", "a2", "a3"), target.Limits{Repositories: 2}, "Repositories"},
		"too long":     {page("", strings.Repeat("a", 10000)), target.Limits{PageBytes: 1000}, "limit of bytes"},
		"no name":      {page("", "UPPER/\x1b[31m"), target.Limits{}, "reading the name of a repository"},
		"no JSON": {func(out http.ResponseWriter, r *http.Request) bool {
			fmt.Fprint(out, "<html>")
			return strings.HasSuffix(r.URL.Path, "/_catalog")
		}, target.Limits{}, "reading a page"},
		"sent elsewhere": {func(out http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/v2/_catalog" {
				return false
			}
			http.Redirect(out, r, "http://"+elsewhere.host+"/v2/_catalog", http.StatusFound)
			return true
		}, target.Limits{}, "redirects a list to another host"},
		"bad tags": {func(out http.ResponseWriter, r *http.Request) bool {
			return send(out, r, "/tags/list", `{"tags":["ok","../../secret"]}`)
		}, target.Limits{}, "which is no tag"},
		"too many tags": {func(out http.ResponseWriter, r *http.Request) bool {
			return send(out, r, "/tags/list", `{"tags":["a","b","c"]}`)
		}, target.Limits{Tags: 2}, "limit Tags"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.push("app:1", day)
			w.answer = c.answer
			names, errs := w.list(target.Options{Limits: c.limits}, w.host)
			require.NotEmpty(t, errs, "%v", names)
			require.ErrorContains(t, errs[len(errs)-1], c.want)
			require.NotContains(t, errs[len(errs)-1].Error(), "\x1b")
			require.NotContains(t, names, "stolen:1")
		})
	}
	require.Zero(t, elsewhere.requests("_catalog"))
}

func TestPlainHTTPIsForLoopbackOnly(t *testing.T) {
	t.Parallel()
	var asked []string
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Scheme)
		return nil, http.ErrServerClosed
	})
	for _, err := range target.List(t.Context(), []string{"10.0.0.1:5000/app"}, target.Options{Transport: transport}) {
		require.Error(t, err)
	}
	require.NotContains(t, asked, "http")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// send answers what is asked for under a path that ends so.
func send(out http.ResponseWriter, r *http.Request, end, text string) bool {
	if !strings.HasSuffix(r.URL.Path, end) {
		return false
	}
	fmt.Fprint(out, text)
	return true
}
