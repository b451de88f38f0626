package breakglass

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Annotation is the key under which a pod carries a token. Kubernetes forwards
// annotations to an image policy webhook only if their key contains
// ".image-policy.k8s.io/" (k8s.io/api/imagepolicy/v1alpha1).
const Annotation = "breakglass.image-policy.k8s.io/token"

// DefaultMaxLifetime is how long a token may live unless a Verifier is told
// otherwise: long enough for a night, too short to become a habit.
const DefaultMaxLifetime = 24 * time.Hour

// Bounds on what a token may say. A pod has at most a few images, and a reason
// is read by people.
const (
	maxDigests = 16
	maxID      = 128
	maxOwner   = 256
	maxReason  = 1024
)

// Grant is what a token permits: these digests, in this namespace, until then.
type Grant struct {
	ID        string   // names the grant in logs and metrics' exemplars
	Digests   []string // "sha256:…", at least one
	Namespace string
	Owner     string // who answers for it
	Reason    string
	Issued    time.Time
	Expires   time.Time
	// Key is the SHA-256 thumbprint (RFC 7638, base64url) of the key that signed
	// it. Sign ignores it.
	Key string
}

// Permits says whether the grant covers a digest in a namespace; the error is an
// *Error that says what it is for instead. That the grant is still alive is
// [Verifier.Verify]'s to say.
func (g Grant) Permits(namespace, digest string) error {
	if namespace != g.Namespace {
		return refuse(WrongNamespace, "it is for the namespace %s, not for %q", g.Namespace, namespace)
	}
	if !slices.Contains(g.Digests, digest) {
		return refuse(WrongDigest, "it is for %s, not for %q", strings.Join(g.Digests, ", "), digest)
	}
	return nil
}

var (
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	// namespaceForm is a DNS label (RFC 1123), as the API server demands it.
	namespaceForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

// check holds a grant to its bounds, before it is signed and after it was verified.
func (g Grant) check(maxLifetime time.Duration) error {
	if err := g.checkSubject(); err != nil {
		return err
	}
	for _, said := range []struct {
		name, text string
		most       int
	}{{"id", g.ID, maxID}, {"owner", g.Owner, maxOwner}, {"reason", g.Reason, maxReason}} {
		if err := checkText(said.name, said.text, said.most); err != nil {
			return err
		}
	}
	switch lifetime := g.Expires.Sub(g.Issued); {
	case lifetime <= 0:
		return refuse(Malformed, "it ends before it begins")
	case lifetime > maxLifetime:
		return refuse(TooLong, "it lives for %s, at most %s is allowed", lifetime, maxLifetime)
	}
	return nil
}

func (g Grant) checkSubject() error {
	if len(g.Digests) == 0 || len(g.Digests) > maxDigests {
		return refuse(Malformed, "it names %d digests, not 1 to %d", len(g.Digests), maxDigests)
	}
	for _, digest := range g.Digests {
		if !digestForm.MatchString(digest) {
			return refuse(Malformed, "%s is no digest: sha256: and 64 hex digits", excerpt(digest))
		}
	}
	if !namespaceForm.MatchString(g.Namespace) {
		return refuse(Malformed, "%s is no namespace", excerpt(g.Namespace))
	}
	return nil
}

// checkText demands one line that people can read: it goes into logs and audit
// records as it is.
func checkText(name, text string, most int) error {
	switch {
	case strings.TrimSpace(text) == "":
		return refuse(Malformed, "it has no %s", name)
	case len(text) > most:
		return refuse(Malformed, "its %s has %d bytes, at most %d are allowed", name, len(text), most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return refuse(Malformed, "its %s is not one line of printable text", name)
	}
	return nil
}

// excerpt quotes what a token says, cut to what fits into a message.
func excerpt(text string) string {
	const most = 80
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
