package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// pageSize is how many names we ask for at once (distribution spec, `n`).
// Registries may send fewer.
const pageSize = 1000

// registry lists the repositories of a catalog and the tags of those that the
// target means.
func (l *lister) registry(ctx context.Context, t parsed) stream {
	return func(yield func(Reference, error) bool) {
		at, err := l.sessions.catalog(t.host)
		if err != nil {
			yield(Reference{}, failed(t.typed, err, "listing the repositories of %s", t.host))
			return
		}
		limit := l.options.Limits.Repositories
		pages := &pages{sessions: l.sessions, at: at, next: fmt.Sprintf("/v2/_catalog?n=%d", pageSize), limit: l.options.Limits.PageBytes}
		for repositories := 0; pages.next != ""; {
			var page struct{ Repositories []string }
			if err := pages.read(ctx, &page); err != nil {
				yield(Reference{}, failed(t.typed, noCatalog(err, t.host, repositories), "listing the repositories of %s", t.host))
				return
			}
			if repositories += len(page.Repositories); repositories > limit {
				yield(Reference{}, failed(t.typed, overLimit("Repositories", limit), "listing the repositories of %s", t.host))
				return
			}
			for _, repository := range page.Repositories {
				if !t.matchesRepository(repository) {
					continue
				}
				for reference, err := range l.repository(ctx, t, t.host, repository) {
					if !yield(reference, err) {
						return
					}
				}
			}
		}
	}
}

// noCatalog says what to do where a registry has no catalog, or not for us: many
// hosted registries have none.
func noCatalog(err error, host string, sofar int) error {
	var status *statusError
	if sofar > 0 || !errors.As(err, &status) {
		return err
	}
	around := fmt.Sprintf("name repositories (%s/team/app), give a list of references (file:images.txt, or - for standard input), or scan what a cluster runs (cluster:)", host)
	switch status.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return &advised{fmt.Sprintf("%s does not show its catalog to us (%d %s)", host, status.code, http.StatusText(status.code)),
			"log in as someone who may list it, or " + around}
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest, http.StatusNotImplemented, http.StatusGone:
		return &advised{fmt.Sprintf("%s has no catalog (%d %s)", host, status.code, http.StatusText(status.code)), around}
	}
	return err
}

// pages reads a list that a registry sends in pages (distribution spec, Link).
type pages struct {
	sessions *sessions
	at       place
	next     string // path and query; empty after the last page
	limit    int64
	seen     map[string]bool
}

// read reads one page. What a page says about the next one is hostile: it has to be
// the same list on the same host, and one that did not come before.
func (p *pages) read(ctx context.Context, page any) error {
	if p.seen == nil {
		p.seen = map[string]bool{}
	}
	p.seen[p.next] = true
	got, err := p.sessions.get(ctx, p.at, p.next, "application/json", p.limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(got.body, page); err != nil {
		return fmt.Errorf("reading a page: %w", err)
	}
	p.next, err = nextPage(got)
	if err == nil && p.seen[p.next] {
		return errors.New("the pages of the list go round in a circle")
	}
	return err
}

// nextPage reads `Link: <address>; rel="next"` (RFC 8288).
func nextPage(got answer) (string, error) {
	for _, link := range got.header.Values("Link") {
		address, attributes, ok := strings.Cut(link, ">")
		address, begins := strings.CutPrefix(strings.TrimSpace(address), "<")
		if !ok || !begins || !strings.Contains(strings.ReplaceAll(attributes, `"`, ""), "rel=next") {
			continue
		}
		to, err := url.Parse(address)
		if err != nil {
			return "", errors.New("the address of the next page cannot be read")
		}
		to = got.url.ResolveReference(to)
		if to.Host != got.url.Host || to.Path != got.url.Path || to.User != nil {
			return "", fmt.Errorf("the next page leads elsewhere, to %s", to.Redacted())
		}
		return to.RequestURI(), nil
	}
	return "", nil
}

// validTag keeps hostile names out of addresses and logs.
func validTag(at place, tag string) bool {
	_, err := name.NewTag(at.resource.String()+":"+tag, name.StrictValidation)
	return err == nil && !strings.Contains(tag, "/")
}
