package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// objectsPage is how many objects we ask an API server for at once.
const objectsPage = 250

// pageObjects bounds one page of objects, in bytes: each may have 1.5 MiB (etcd).
const pageObjects = 512 << 20

// resources are what runs containers, by their path in the API of Kubernetes.
var resources = []struct{ group, name, kind string }{
	{"api/v1", "pods", "Pod"},
	{"apis/apps/v1", "deployments", "Deployment"},
	{"apis/apps/v1", "statefulsets", "StatefulSet"},
	{"apis/apps/v1", "daemonsets", "DaemonSet"},
	{"apis/apps/v1", "replicasets", "ReplicaSet"},
	{"api/v1", "replicationcontrollers", "ReplicationController"},
	{"apis/batch/v1", "jobs", "Job"},
	{"apis/batch/v1", "cronjobs", "CronJob"},
	{"api/v1", "podtemplates", "PodTemplate"},
}

// cluster lists the images that a cluster's pods run and its workloads would run.
// It only ever sends GET for lists of the resources above. A kind that may not be
// listed is an error, and the others go on.
func (l *lister) cluster(ctx context.Context, t parsed) stream {
	return func(yield func(Reference, error) bool) {
		api, err := l.connect(t.rest)
		if err != nil {
			yield(Reference{}, failed(t.typed, &advised{err.Error(), "check --kubeconfig and the name of the context"}, "reading the configuration of the cluster"))
			return
		}
		namespaces := l.options.Namespaces
		if len(namespaces) == 0 {
			namespaces = []string{metav1.NamespaceAll}
		}
		once := newOnce(yield)
		for _, namespace := range namespaces {
			for _, resource := range resources {
				path := resource.group + "/" + resource.name
				if namespace != metav1.NamespaceAll {
					path = resource.group + "/namespaces/" + url.PathEscape(namespace) + "/" + resource.name
				}
				err := api.each(ctx, path, func(w workload) bool { return once.all(w, resource.kind) })
				if errors.Is(err, errEnough) || err != nil && !yield(Reference{}, failed(t.typed, err, "listing the %s of the cluster", resource.name)) {
					return
				}
			}
		}
	}
}

// once yields each image once in each namespace: a policy may treat them differently.
type once struct {
	yield func(Reference, error) bool
	seen  map[[2]string]bool
}

func newOnce(yield func(Reference, error) bool) once { return once{yield, map[[2]string]bool{}} }

func (o once) all(w workload, kind string) bool {
	for _, reference := range w.references(kind) {
		key := [2]string{reference.Name, w.Metadata.Namespace}
		if o.seen[key] {
			continue
		}
		o.seen[key] = true
		if !o.yield(reference, nil) {
			return false
		}
	}
	return true
}

// cluster is an API server that is only read.
type cluster struct {
	server *url.URL
	client *http.Client
	limits Limits
}

// connect reads the configuration as kubectl does.
func (l *lister) connect(contextName string) (*cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = l.options.Kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName}).ClientConfig()
	if err != nil {
		return nil, err
	}
	config.UserAgent = l.options.UserAgent
	server, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &cluster{server, client, l.options.Limits}, nil
}

// each yields the objects of a list, page by page (Kubernetes API concepts, limit
// and continue).
func (c *cluster) each(ctx context.Context, path string, yield func(workload) bool) error {
	objects := 0
	for next := ""; ; {
		var page struct {
			Metadata metav1.ListMeta
			Items    []workload
		}
		if err := c.page(ctx, path, next, &page); err != nil {
			return err
		}
		if objects += len(page.Items); objects > c.limits.Objects {
			return overLimit("Objects", c.limits.Objects)
		}
		for _, w := range page.Items {
			if !yield(w) {
				return errEnough
			}
		}
		if next = page.Metadata.Continue; next == "" {
			return nil
		}
		if len(page.Items) == 0 {
			return errors.New("the server says that there is more, but sends nothing")
		}
	}
}

func (c *cluster) page(ctx context.Context, path, next string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.limits.RequestTime)
	defer cancel()
	address := c.server.JoinPath(path)
	query := url.Values{"limit": {strconv.Itoa(objectsPage)}}
	if next != "" {
		query.Set("continue", next)
	}
	address.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusGone:
		return &advised{"the list took too long, and the server has forgotten where it was", "scan fewer namespaces at once"}
	case http.StatusUnauthorized, http.StatusForbidden:
		return &advised{fmt.Sprintf("the server answered %d %s", response.StatusCode, http.StatusText(response.StatusCode)),
			"allow list on the kinds that run pods, as the ClusterRole view does, or name the namespaces that may be read"}
	default:
		return &statusError{response.StatusCode, c.server.Host}
	}
	return json.NewDecoder(&bounded{response.Body, pageObjects}).Decode(into)
}
