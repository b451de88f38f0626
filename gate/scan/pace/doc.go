// Package pace makes many requests to registries politely: an http.RoundTripper that
// bounds connections, requests a second and bytes a second for each host, slows down
// when a host says that it has had enough, and counts what came.
//
// A host says so with 429 or 503, with Retry-After (RFC 9110 section 10.2.3), or
// before that with RateLimit-Remaining and RateLimit-Reset, in the form of the IETF
// draft or in that of Docker Hub (RateLimit-Remaining: 0;w=21600). Then nobody asks
// this host until it is over, up to a bound, and requests that ask and change nothing
// are sent again. Where it does not say how long, the pause doubles each time, by
// chance up to half more.
//
// The package knows nothing of images: who looks what is inside an answer is further
// out.
package pace
