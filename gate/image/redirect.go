package image

import (
	"errors"
	"net/http"
	"net/url"
)

// maxRedirects is one more than any registry was seen to need for a blob.
const maxRedirects = 5

// followRedirect says whether a registry may send us to where it does. Blobs are
// often kept by a storage service on another host, so other hosts are fine; but
// no registry on a public name may send us to an address that only machines
// inside can reach (CWE-918) unless that one is listed, and none from HTTPS to
// plain HTTP.
func (s *sessions) followRedirect(request *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errors.New("too many redirects")
	}
	from, to := via[0].URL, request.URL
	if lastSent(request, via).Scheme == "https" && to.Scheme != "https" {
		return refuse("%s redirects from HTTPS to plain HTTP on %s", from.Host, to.Host)
	}
	if to.Hostname() != from.Hostname() && isInside(to.Hostname()) && !isInside(from.Hostname()) && !s.strangers.lists(to.Host) {
		return refuse("%s redirects to the inside address %s", from.Host, to.Host)
	}
	if to.Host != from.Host {
		request.Header.Del("Authorization")
		request.Header.Del("Cookie")
	}
	return nil
}

// lastSent is where the request went that was answered with a redirect: a session
// may have sent it another way than it was asked to.
func lastSent(request *http.Request, via []*http.Request) *url.URL {
	if answer := request.Response; answer != nil && answer.Request != nil {
		return answer.Request.URL
	}
	return via[len(via)-1].URL
}
