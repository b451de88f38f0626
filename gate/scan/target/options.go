package target

import (
	"io"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Reference is one thing to judge.
type Reference struct {
	// Name is what gate.Question.Reference takes. What a registry or a cluster
	// named is in full ("index.docker.io/library/nginx:1").
	Name string
	// Digest that Name meant when it was listed ("sha256:…"); empty where it was
	// not looked up or could not be.
	Digest string
	// Updated is when it was pushed or, where the registry does not tell, created;
	// zero where neither is known. Only filled in where a filter asks for it or the
	// registry tells it anyway.
	Updated time.Time
	// Target that it came from, as typed.
	Target string
	// Workload that uses it, of targets that are clusters: "namespace/Kind/name".
	Workload string
}

// Options say how targets are listed. The zero value lists with the anonymous
// keychain over HTTPS.
type Options struct {
	// Transport that every request to a registry goes through: rate limits, proxies
	// and certificate authorities are its business. Default http.DefaultTransport.
	Transport http.RoundTripper
	// Keychain for registries. Default anonymous.
	Keychain authn.Keychain
	// Insecure registries may be spoken to over plain HTTP ("host:port", as in
	// targets). Loopback always may.
	Insecure []string
	// UserAgent of requests to registries. Default "imagegate".
	UserAgent string
	// Tags to take of each repository. Default all.
	Tags Tags
	// Stdin is what the target "-" reads. Default empty.
	Stdin io.Reader
	// Kubeconfig is the path of a cluster's configuration. Default as kubectl has
	// it: $KUBECONFIG, ~/.kube/config, or the pod's own service account.
	Kubeconfig string
	// Namespaces of a cluster to look into. Default all.
	Namespaces []string
	// Parallel is how many tags of one repository are looked up at once. Default 8.
	Parallel int
	// Skipped is told what is no image, and what it is instead. Default nobody.
	Skipped func(name, what string)
	// Limits replace the defaults where they are not zero.
	Limits Limits
}

// Limits bound what is read. Over a limit is an error of the target.
type Limits struct {
	Repositories int   // of one catalog. Default 1,000,000
	Tags         int   // of one repository. Default 100,000
	Lines        int   // of one file. Default 10,000,000
	LineBytes    int   // of one line. Default 4096
	PageBytes    int64 // of one page of a list. Default 32 MiB
	Manifest     int64 // bytes of one manifest. Default 4 MiB (OCI distribution spec)
	Config       int64 // bytes of one image config. Default 8 MiB
	Layouts      int   // OCI layouts in one folder. Default 100,000
	Objects      int   // of one kind in a cluster. Default 1,000,000
	// RequestTime for one request with its answer, waiting for its turn in the
	// transport included. Default 10 minutes.
	RequestTime time.Duration
}

func (o Options) withDefaults() Options {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Keychain == nil {
		o.Keychain = authn.NewMultiKeychain()
	}
	if o.UserAgent == "" {
		o.UserAgent = "imagegate"
	}
	if o.Skipped == nil {
		o.Skipped = func(string, string) {}
	}
	fill(&o.Parallel, 8)
	l := &o.Limits
	fill(&l.Repositories, 1_000_000)
	fill(&l.Tags, 100_000)
	fill(&l.Lines, 10_000_000)
	fill(&l.LineBytes, 4096)
	fill(&l.PageBytes, 32<<20)
	fill(&l.Manifest, 4<<20)
	fill(&l.Config, 8<<20)
	fill(&l.Layouts, 100_000)
	fill(&l.Objects, 1_000_000)
	fill(&l.RequestTime, 10*time.Minute)
	return o
}

func fill[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}
