package admission_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	imagepolicyv1 "k8s.io/api/imagepolicy/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/admission"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/inspect"
	"github.com/imagegate/imagegate/policy"
)

// The gate, its registry and its inspection are real; the policy asks for nothing
// that needs an engine which takes minutes to compile. All of them together are
// tested in cmd/imagegate.
const nonRoot = `
apiVersion: imagegate.dev/v1
kind: Policy
metadata: {name: test}
config: {nonRoot: true}
overrides:
- {match: {namespaces: [warned]}, enforcement: warn}
- {match: {namespaces: [audited]}, enforcement: audit}
`

// world is a handler over a registry with three images: good, root and shared.
type world struct {
	t        testing.TB
	registry *gatetest.Registry
	images   *countingImages
	handler  *admission.Handler
	good     v1.Hash
	root     v1.Hash
	clock    *clock
}

func newWorld(t testing.TB, options ...admission.Option) *world {
	t.Helper()
	w := &world{t: t, registry: gatetest.NewRegistry(t), clock: newClock()}
	w.good = w.registry.Push("good:1", gatetest.SmallImage(t))
	w.root = w.registry.Push("root:1", gatetest.WithConfig(t, gatetest.SmallImage(t), func(c *v1.ConfigFile) { c.Config.User = "0" }))
	engine, err := image.New()
	require.NoError(t, err)
	w.images = &countingImages{Images: engine}
	w.handler, err = admission.New(w.judge(nonRoot), append([]admission.Option{admission.WithClock(w.clock.now)}, options...)...)
	require.NoError(t, err)
	t.Cleanup(w.handler.Close)
	return w
}

// judge judges by a policy. Its clock is that of the world.
func (w *world) judge(document string) admission.Judge {
	w.t.Helper()
	p, err := policy.Parse("test", []byte(document))
	require.NoError(w.t, err)
	g, err := gate.New(p, gate.Engines{Images: w.images, Inspector: inspect.New()}, gate.WithClock(w.clock.now))
	require.NoError(w.t, err)
	return admission.Judge{Gate: g, Policy: p, Engines: "test"}
}

// named is the reference of an image of the registry.
func (w *world) named(rest string) string { return w.registry.Host() + "/" + rest }

// post sends a body and demands what every answer has.
func (w *world) post(path string, body []byte) []byte {
	w.t.Helper()
	request := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	require.Equal(w.t, http.StatusOK, recorder.Code, recorder.Body.String())
	require.Equal(w.t, "application/json", recorder.Header().Get("Content-Type"))
	return recorder.Body.Bytes()
}

// ask asks for a review of images.
func (w *world) ask(namespace string, images ...string) imagepolicyv1.ImageReviewStatus {
	w.t.Helper()
	return w.askRaw("/imagepolicy?timeout=30s", encode(w.t, reviewOf(namespace, images...)))
}

func reviewOf(namespace string, images ...string) imagepolicyv1.ImageReview {
	asked := imagepolicyv1.ImageReview{TypeMeta: metav1.TypeMeta{APIVersion: "imagepolicy.k8s.io/v1alpha1", Kind: "ImageReview"}}
	asked.Spec.Namespace = namespace
	for _, image := range images {
		asked.Spec.Containers = append(asked.Spec.Containers, imagepolicyv1.ImageReviewContainerSpec{Image: image})
	}
	return asked
}

func (w *world) askRaw(path string, body []byte) imagepolicyv1.ImageReviewStatus {
	w.t.Helper()
	var answered imagepolicyv1.ImageReview
	require.NoError(w.t, json.Unmarshal(w.post(path, body), &answered))
	require.Equal(w.t, metav1.TypeMeta{APIVersion: "imagepolicy.k8s.io/v1alpha1", Kind: "ImageReview"}, answered.TypeMeta)
	if !answered.Status.Allowed {
		require.NotEmpty(w.t, answered.Status.Reason)
	}
	requireAudit(w.t, answered.Status.AuditAnnotations)
	return answered.Status
}

// admit asks for the admission of an object.
func (w *world) admit(path string, request admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	w.t.Helper()
	request.UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
	body := encode(w.t, admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: &request,
	})
	response := w.admitRaw(path, body)
	require.Equal(w.t, request.UID, response.UID)
	return response
}

func (w *world) admitRaw(path string, body []byte) *admissionv1.AdmissionResponse {
	w.t.Helper()
	var answered admissionv1.AdmissionReview
	require.NoError(w.t, json.Unmarshal(w.post(path, body), &answered))
	require.Equal(w.t, metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, answered.TypeMeta)
	require.NotNil(w.t, answered.Response)
	if !answered.Response.Allowed {
		require.NotEmpty(w.t, answered.Response.Result.Message)
	}
	requireAudit(w.t, answered.Response.AuditAnnotations)
	return answered.Response
}

// requireAudit demands what the audit log has to say of every answer.
func requireAudit(t testing.TB, annotations map[string]string) {
	t.Helper()
	for _, key := range []string{"digest", "verdict", "policy", "policy-name", "database"} {
		require.NotEmpty(t, annotations[key], key)
	}
}

// metrics is what /metrics shows.
func (w *world) metrics() string {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(w.t, http.StatusOK, recorder.Code)
	return recorder.Body.String()
}

func encode(t testing.TB, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return data
}

func raw(t testing.TB, object any) runtime.RawExtension {
	t.Helper()
	return runtime.RawExtension{Raw: encode(t, object)}
}

// countingImages counts checks, and can be told to do something before each.
type countingImages struct {
	gate.Images

	resolved atomic.Int64
	mu       sync.Mutex
	first    func(ctx context.Context, reference string)
}

func (c *countingImages) before(do func(ctx context.Context, reference string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first = do
}

func (c *countingImages) Resolve(ctx context.Context, reference string) (gate.Subject, error) {
	c.resolved.Add(1)
	c.mu.Lock()
	first := c.first
	c.mu.Unlock()
	if first != nil {
		first(ctx, reference)
	}
	return c.Images.Resolve(ctx, reference)
}

// clock is set by tests.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// lines are those of a reason.
func lines(reason string) []string { return strings.Split(reason, "\n") }
