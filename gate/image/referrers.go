package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// maxPages of one referrers list are followed.
const maxPages = 8

// findAttached looks under cosign's tags, in the referrers API and under its
// fallback tag, always all of them: an image signed before its registry learned
// the API has its signatures elsewhere.
func (r *registry) findAttached(ctx context.Context, digest v1.Hash, found *collector) {
	lookups := []func() ([]candidate, error){
		func() ([]candidate, error) { return r.besideTag(ctx, tagFor(digest, ".sig")) },
		func() ([]candidate, error) { return r.besideTag(ctx, tagFor(digest, ".att")) },
		func() ([]candidate, error) { return r.referring(ctx, digest, found.limits.Attachments) },
	}
	lists, errs := make([][]candidate, len(lookups)), make([]error, len(lookups))
	var group errgroup.Group
	for i, lookup := range lookups {
		group.Go(func() error {
			lists[i], errs[i] = lookup()
			return nil
		})
	}
	_ = group.Wait() // each lookup keeps its own error
	for i := range lookups {
		found.add(lists[i])
		found.fail(errs[i])
	}
}

// besideTag reads the manifest under one of cosign's tags. That there is none is
// the normal case.
func (r *registry) besideTag(ctx context.Context, tag string) ([]candidate, error) {
	raw, mediaType, err := r.manifest(ctx, tag)
	if isStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tag %s: %w", tag, err)
	}
	d, err := parseDocument(raw, sha256Of(raw), mediaType)
	if err == nil && d.image == nil {
		err = refuse("it is an index")
	}
	if err != nil {
		return nil, fmt.Errorf("tag %s: %w", tag, err)
	}
	return allLayers(layoutTag, d), nil
}

// referring reads the manifests that say that they are about the digest. At most
// limit of them are looked at; that there are more is an error beside the others.
func (r *registry) referring(ctx context.Context, digest v1.Hash, limit int) ([]candidate, error) {
	listed, errs := r.listReferrers(ctx, digest)
	if len(listed) > limit {
		errs = append(errs, overLimit("Attachments", int64(limit), "there are %d referrers", len(listed)))
		listed = listed[:limit]
	}
	lists, failures := make([][]candidate, len(listed)), make([]error, len(listed))
	var group errgroup.Group
	group.SetLimit(maxManifestReads)
	for i, entry := range listed {
		group.Go(func() error {
			lists[i], failures[i] = r.referrer(ctx, entry, digest)
			return nil
		})
	}
	_ = group.Wait() // each referrer keeps its own error
	return slices.Concat(lists...), errors.Join(append(errs, failures...)...)
}

func (r *registry) referrer(ctx context.Context, entry v1.Descriptor, digest v1.Hash) ([]candidate, error) {
	d, err := readManifest(ctx, r, entry.Digest)
	if err != nil {
		return nil, fmt.Errorf("referrer %s: %w", entry.Digest, err)
	}
	if d.image == nil || d.image.Subject != nil && d.image.Subject.Digest != digest {
		return nil, nil // about something else
	}
	return signatureLayers(layoutReferrer, d), nil
}

// listReferrers joins what the API and the fallback tag list, each manifest once.
// What calls itself a bundle comes first, so that many others cannot push it over
// the limit.
func (r *registry) listReferrers(ctx context.Context, digest v1.Hash) (listed []v1.Descriptor, errs []error) {
	api, apiErr := r.referrersAPI(ctx, digest)
	tag, tagErr := r.referrersTag(ctx, digest)
	seen := map[v1.Hash]bool{}
	for _, entry := range slices.Concat(api, tag) {
		if !seen[entry.Digest] && !entry.MediaType.IsIndex() {
			seen[entry.Digest] = true
			listed = append(listed, entry)
		}
	}
	slices.SortStableFunc(listed, func(a, b v1.Descriptor) int { return likelihood(b) - likelihood(a) })
	for _, err := range []error{apiErr, tagErr} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return listed, errs
}

func likelihood(entry v1.Descriptor) int {
	if strings.HasPrefix(entry.ArtifactType, typeBundlePrefix) {
		return 1
	}
	return 0
}

// referrersAPI asks for all referrers, without filter. A registry without the API
// answers in one of several ways; then there are none.
func (r *registry) referrersAPI(ctx context.Context, digest v1.Hash) (listed []v1.Descriptor, err error) {
	path := "referrers/" + digest.String()
	for range maxPages {
		entries, next, err := r.referrersPage(ctx, path)
		if err != nil {
			return listed, fmt.Errorf("referrers API: %w", err)
		}
		listed = append(listed, entries...)
		if next == "" || len(listed) > r.limits.Manifests {
			return listed, nil
		}
		path = next
	}
	return listed, overLimit("pages", maxPages, "referrers API: the list goes on")
}

func (r *registry) referrersPage(ctx context.Context, path string) (listed []v1.Descriptor, next string, err error) {
	response, err := r.get(ctx, path, http.Header{"Accept": {string(types.OCIImageIndex)}})
	if isStatus(err, http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = response.Body.Close() }()
	if mediaType, err := r.mediaType(response); err != nil || types.MediaType(mediaType) != types.OCIImageIndex {
		return nil, "", nil // a page of the registry's web site: there is no API
	}
	raw, err := readAll(response.Body, r.limits.ManifestBytes, "ManifestBytes", "the list of referrers")
	if err != nil {
		return nil, "", err
	}
	listed, err = parseReferrers(raw)
	return listed, r.nextPage(response), err
}

// parseReferrers reads a list of referrers, which is an index. One that lists
// nothing has an empty list; one without any was damaged, and what it listed may
// have been a signature.
func parseReferrers(raw []byte) ([]v1.Descriptor, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, refuse("the list of referrers cannot be read: %s", err)
	}
	if index.Manifests == nil {
		return nil, refuse("the list of referrers has no manifests, not even none")
	}
	return index.Manifests, nil
}

var linkNext = regexp.MustCompile(`<([^<>]*)>\s*;\s*rel="?next"?`)

// nextPage is where the list goes on, below the repository (RFC 8288 link). A link
// to anywhere else is not followed.
func (r *registry) nextPage(response *http.Response) string {
	match := linkNext.FindStringSubmatch(response.Header.Get("Link"))
	if match == nil {
		return ""
	}
	link, err := url.Parse(match[1])
	if err != nil {
		return ""
	}
	path, below := strings.CutPrefix(link.Path, "/v2/"+r.repository.RepositoryStr()+"/")
	if !below || !strings.HasPrefix(path, "referrers/") || strings.Contains(path, "..") {
		return ""
	}
	return path + "?" + link.RawQuery
}

// referrersTag reads the fallback tag, where clients keep the list for registries
// without the API.
func (r *registry) referrersTag(ctx context.Context, digest v1.Hash) ([]v1.Descriptor, error) {
	tag := tagFor(digest, "")
	raw, mediaType, err := r.manifest(ctx, tag)
	if isStatus(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tag %s: %w", tag, err)
	}
	d, err := parseDocument(raw, sha256Of(raw), mediaType)
	if err == nil && d.index == nil {
		err = refuse("it is no index")
	}
	if err != nil {
		return nil, fmt.Errorf("tag %s: %w", tag, err)
	}
	return d.index.Manifests, nil
}
