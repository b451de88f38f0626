package admission_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/admission"
	"github.com/imagegate/imagegate/gate/gatetest"
)

// captured are requests of kube-apiserver 1.37.2, as they came, but for the images.
const (
	capturedSmall = `{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","metadata":{},"spec":{"containers":[{"image":"GOOD"}],"namespace":"default"},"status":{"allowed":false}}` + "\n"
	capturedFull  = `{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","metadata":{},"spec":{"containers":[{"image":"registry.example.test/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},{"image":"registry.example.test/side:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},{"image":"GOOD"},{"image":"ROOT"},{"image":"GOOD"}],"annotations":{"alpha.image-policy.k8s.io/failed-open":"user-supplied","break-glass.image-policy.k8s.io/ticket":"1234","mycluster.image-policy.k8s.io/override":"true"},"namespace":"default"},"status":{"allowed":false}}` + "\n"
)

func (w *world) captured(body string) []byte {
	return []byte(strings.NewReplacer("GOOD", w.named("good:1"), "ROOT", w.named("root:1"), "registry.example.test", "localhost:1").Replace(body))
}

func TestCapturedImageReviews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.askRaw("/imagepolicy?timeout=30s", w.captured(capturedSmall))
	require.True(t, got.Allowed, got.Reason)
	require.Empty(t, got.Reason)
	require.Equal(t, w.good.String(), got.AuditAnnotations["digest"])
	require.Equal(t, "allow", got.AuditAnnotations["verdict"])
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, got.AuditAnnotations["policy"])
	require.Equal(t, "none", got.AuditAnnotations["database"])

	// Free text in annotations opens nothing; every image that is not allowed has its
	// own reason.
	got = w.askRaw("/imagepolicy?timeout=30s", w.captured(capturedFull))
	require.False(t, got.Allowed)
	require.Len(t, lines(got.Reason), 3, got.Reason)
	require.Contains(t, got.Reason, "localhost:1/app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef: resolve: could not be judged: ")
	require.Contains(t, got.Reason, "\n"+w.named("root:1")+": config.nonRoot: ")
	require.Equal(t, "undecided,undecided,allow,deny", got.AuditAnnotations["verdict"])
}

// The API forwards strange strings. Each is denied, and shown with escapes.
func TestStrangeImagesAreDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, image := range []string{
		"", "UPPER/Case:tag extra --flag", "reg/x@sha256:short", "a\nb", "nul\x00byte", " leading", "x@sha256:" + strings.Repeat("A", 64),
		"oci:/etc", "oci-archive:/etc/passwd", "docker-archive:x.tar", "docker-daemon:x:1", "\u202etxt.evil", "a b", "UPPER", "/abs", "./rel",
		"https://example.com/x", "x:" + strings.Repeat("y", 1000), "bad\xff", "x@md5:aa", "@", ":", "a//b", "x@sha256:" + strings.Repeat("a", 63),
	} {
		got := w.ask("default", image)
		require.False(t, got.Allowed, "%q", image)
		for _, line := range lines(got.Reason) {
			require.NotContains(t, line, "\x00")
			require.NotContains(t, line, "\u202e")
		}
		require.Contains(t, got.Reason, ": ")
	}
	require.Contains(t, w.ask("default", "a\nb").Reason, `"a\nb": reference: `)
	require.Zero(t, w.registry.Count(""))
}

func TestUnreadableReviewsAreDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admission.WithLimits(admission.Limits{BodyBytes: 4 << 10, Images: 3}))
	many := `{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","spec":{"containers":[{"image":"a"},{"image":"b"},{"image":"c"},{"image":"d"}]}}`
	for name, c := range map[string]struct{ body, reason string }{
		"empty":         {"", "review: "},
		"not JSON":      {"allowed", "review: "},
		"object":        {"{}", "it is no ImageReview"},
		"another kind":  {`{"kind":"Pod","apiVersion":"v1"}`, "v1 Pod"},
		"v1beta1":       {`{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1beta1"}`, "v1beta1"},
		"no images":     {`{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1"}`, "it names no image"},
		"new field":     {`{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","spec":{"volumes":[{"image":"x"}]}}`, `unknown field "spec.volumes"`},
		"other case":    {`{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","spec":{"Containers":[{"image":"x"}]}}`, "unknown field"},
		"twice":         {`{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","spec":{"namespace":"a","namespace":"b"}}`, "duplicate field"},
		"two documents": {capturedSmall + capturedSmall, "review: "},
		"too large":     {strings.Repeat(" ", 5<<10), "larger than 4096 bytes"},
		"too many":      {many, "it names 4 images, allowed are 3"},
		"nested":        {strings.Repeat("[", 4000), "review: "},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.askRaw("/imagepolicy", []byte(c.body))
			require.False(t, got.Allowed)
			require.Contains(t, got.Reason, c.reason)
		})
	}
	for _, body := range []string{"", "{}", "null", "[]", capturedSmall, `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`} {
		for _, path := range []string{"/validate", "/mutate"} {
			require.False(t, w.admitRaw(path, []byte(body)).Allowed, body)
		}
	}
}

// Probes are GET, reviews POST; nothing else is there.
func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/healthz", 200}, {"GET", "/readyz", 200}, {"GET", "/version", 200}, {"GET", "/metrics", 200},
		{"GET", "/imagepolicy", 405}, {"PUT", "/validate", 405}, {"GET", "/", 404}, {"POST", "/elsewhere", 404},
	} {
		recorder := httptest.NewRecorder()
		w.handler.ServeHTTP(recorder, httptest.NewRequest(c.method, c.path, nil))
		require.Equal(t, c.want, recorder.Code, "%s %s", c.method, c.path)
	}
}

// A panic is an answer like any other refusal.
func TestPanicsAreContained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	judge := w.judge(nonRoot)
	judge.Gate = panicking{judge.Gate}
	require.NoError(t, w.handler.Replace(judge))
	got := w.ask("default", w.named("good:1"))
	require.False(t, got.Allowed)
	require.Contains(t, got.Reason, w.named("good:1")+": internal: ")
	require.Contains(t, w.metrics(), "imagegate_panics_total 1")
	pinned := w.admit("/mutate", podRequest(t, admissionv1.Create, podOf(w.named("good:1"))))
	require.False(t, pinned.Allowed)
	require.Contains(t, pinned.Result.Message, "internal error")
	require.Contains(t, w.metrics(), "imagegate_panics_total 2")
	require.NoError(t, w.handler.Replace(w.judge(nonRoot)))
	w.clock.pass(time.Minute)
	require.True(t, w.ask("default", w.named("good:1")).Allowed)
}

type panicking struct{ admission.Gate }

func (panicking) Ask(context.Context, gate.Question) (gate.Result, error) { panic("nil map") }
func (panicking) Pin(context.Context, string) (string, error)             { panic("nil map") }

func TestReadiness(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ready := func() (int, string) {
		recorder := httptest.NewRecorder()
		w.handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return recorder.Code, recorder.Body.String()
	}
	code, body := ready()
	require.Equal(t, 200, code)
	require.Contains(t, body, "[+]policy: test sha256:")

	w.handler.Reloaded("policy", context.DeadlineExceeded)
	code, body = ready()
	require.Equal(t, 200, code, "what was there before is in force")
	require.Contains(t, body, "[!]policy: the new one cannot be used")
	require.Contains(t, w.metrics(), `imagegate_reload_failing{what="policy"} 1`)
	w.handler.Reloaded("policy", nil)
	_, body = ready()
	require.NotContains(t, body, "[!]")
	require.Contains(t, w.metrics(), `imagegate_reloads_total{result="failure",what="policy"} 1`)

	w.handler.Drain()
	code, body = ready()
	require.Equal(t, 503, code)
	require.Contains(t, body, "[-]shutting down")
	require.True(t, w.ask("default", w.named("good:1")).Allowed, "what comes all the same is answered")
}

// 200 pods that name the same new image at once are one check, and 200 answers.
func TestOneCheckForIdenticalQuestions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arrived := make(chan struct{}, 1)
	release := make(chan struct{})
	w.images.before(func(context.Context, string) { arrived <- struct{}{}; <-release })
	answers := make(chan bool, 200)
	for range cap(answers) {
		go func() { answers <- w.ask("default", w.named("good:1")).Allowed }()
	}
	<-arrived
	close(release)
	for range cap(answers) {
		require.True(t, <-answers)
	}
	require.EqualValues(t, 1, w.images.resolved.Load())
	require.Equal(t, 1, w.registry.Count("/manifests/"))
}

// What does not fit into the time of a request is pending, and known soon after.
func TestPending(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release, began := make(chan struct{}), make(chan struct{}, 9)
	w.images.before(func(context.Context, string) { began <- struct{}{}; <-release })
	body := encode(t, reviewOf("default", w.named("good:1")))
	got := w.askRaw("/imagepolicy?timeout=100ms", body)
	require.False(t, got.Allowed)
	require.Equal(t, w.named("good:1")+": pending: it is still being judged (try again in a moment)", got.Reason)
	require.Equal(t, "undecided", got.AuditAnnotations["verdict"])
	<-began
	close(release)
	require.True(t, w.ask("default", w.named("good:1")).Allowed)
	require.EqualValues(t, 1, w.images.resolved.Load())
	require.Contains(t, w.metrics(), `imagegate_verdicts_total{source="pending",verdict="undecided"} 1`)
}

// Whoever waits long is answered in time all the same: the API server has others to
// ask, too, before its own user gives up.
func TestAnswerTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admission.WithLimits(admission.Limits{AnswerTime: 100 * time.Millisecond}))
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	w.images.before(func(context.Context, string) { <-release })
	for _, path := range []string{"/imagepolicy?timeout=30s", "/imagepolicy", "/imagepolicy?timeout=never"} {
		got := w.askRaw(path, encode(t, reviewOf("default", w.named("good:1"))))
		require.False(t, got.Allowed)
		require.Contains(t, got.Reason, "try again")
	}
}

func TestPendingMayBeAdmitted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admission.WithInsecureAdmitPending())
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	w.images.before(func(context.Context, string) { <-release })
	got := w.askRaw("/imagepolicy?timeout=100ms", encode(t, reviewOf("default", w.named("good:1"))))
	require.True(t, got.Allowed)
	require.Equal(t, "undecided", got.AuditAnnotations["verdict"])
	require.False(t, w.ask("default", "no image").Allowed)
}

// More than can be judged is denied at once, and what is under way goes on.
func TestOverload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admission.WithLimits(admission.Limits{Checks: 1, Waiting: 2}))
	for i := range 4 {
		w.registry.Push("good:"+strconv.Itoa(i+10), gatetest.SmallImage(t))
	}
	release, began := make(chan struct{}), make(chan struct{}, 9)
	w.images.before(func(context.Context, string) { began <- struct{}{}; <-release })
	answers := make(chan bool, 2)
	ask := func(tag string) { answers <- w.ask("default", w.named("good:"+tag)).Allowed }
	go ask("10")
	<-began
	go ask("11")
	require.Eventually(t, func() bool { return strings.Contains(w.metrics(), "imagegate_checks_waiting 1") }, 10*time.Second, time.Millisecond)
	got := w.ask("default", w.named("good:12"))
	require.False(t, got.Allowed)
	require.Equal(t, w.named("good:12")+": overload: it was not judged: too many checks are waiting (try again in a moment)", got.Reason)
	close(release)
	require.True(t, <-answers)
	require.True(t, <-answers)
	require.True(t, w.ask("default", w.named("good:12")).Allowed, "an overload is not remembered")
}

// A review that takes its time keeps nobody from being read, and so many may.
func TestSlowReviewsAreNotInTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admission.WithLimits(admission.Limits{Bodies: 1, Reviews: 2}))
	require.True(t, w.ask("default", w.named("good:1")).Allowed)
	release, began := make(chan struct{}), make(chan struct{}, 9)
	w.images.before(func(context.Context, string) { began <- struct{}{}; <-release })
	slow := make(chan bool, 2)
	go func() { slow <- w.ask("default", w.named("root:1")).Allowed }()
	<-began
	require.True(t, w.ask("default", w.named("good:1")).Allowed)
	go func() { slow <- w.ask("default", w.named("good@"+w.good.String())).Allowed }()
	<-began
	require.Equal(t, "overload: too many reviews wait for their answer: try again in a moment", w.ask("default", w.named("good:1")).Reason)
	close(release)
	require.ElementsMatch(t, []bool{true, false}, []bool{<-slow, <-slow})
}

// Names and units are those that Prometheus recommends.
func TestMetricsAreNamedWell(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	w := newWorld(t, admission.WithRegistry(registry))
	w.ask("default", w.named("good:1"))
	w.handler.Reloaded("policy", nil)
	families, err := registry.Gather()
	require.NoError(t, err)
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

// A shut handler denies.
func TestClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.True(t, w.ask("default", w.named("good:1")).Allowed)
	w.handler.Close()
	require.True(t, w.ask("default", w.named("good:1")).Allowed, "it is remembered")
	require.Contains(t, w.ask("default", w.named("root:1")).Reason, "shutting down")
}
