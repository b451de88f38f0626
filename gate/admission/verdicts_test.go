package admission_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/admission"
	"github.com/imagegate/imagegate/gate/breakglass"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/store"
	"github.com/imagegate/imagegate/sbom"
)

// checks is how many checks something took.
func (w *world) checks(do func()) int64 {
	before := w.images.resolved.Load()
	do()
	return w.images.resolved.Load() - before
}

func TestVerdictsAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	digest := w.named("good@" + w.good.String())
	for _, c := range []struct {
		image string
		after time.Duration
		want  int64
	}{
		{digest, 0, 1},
		{digest, 59 * time.Minute, 0},
		{digest, 2 * time.Minute, 1},
		{w.named("good:1"), 0, 1},
		{w.named("good:1"), 29 * time.Second, 0},
		{w.named("good:1"), 2 * time.Second, 1}, // a tag may mean something else by now
		{w.named("root@" + w.root.String()), 0, 1},
		{w.named("root@" + w.root.String()), 59 * time.Second, 0},
		{w.named("root@" + w.root.String()), 2 * time.Second, 1}, // somebody may have mended it
		{w.named("missing:1"), 0, 1},
		{w.named("missing:1"), 4 * time.Second, 0},
		{w.named("missing:1"), 2 * time.Second, 1},
	} {
		w.clock.pass(c.after)
		require.Equal(t, c.want, w.checks(func() { w.ask("default", c.image) }), "%s after %s", c.image, c.after)
	}
}

// A namespace that no override names shares its verdicts with the others.
func TestVerdictsAreOfAScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	image := w.named("root@" + w.root.String())
	require.EqualValues(t, 1, w.checks(func() { require.False(t, w.ask("one", image).Allowed) }))
	require.EqualValues(t, 0, w.checks(func() { require.False(t, w.ask("two", image).Allowed) }))
	require.EqualValues(t, 1, w.checks(func() { require.True(t, w.ask("warned", image).Allowed) }))
	require.EqualValues(t, 0, w.checks(func() { require.False(t, w.ask("one", image).Allowed) }))
}

// What is allowed now and will not be soon, since an exception ends, is not
// remembered beyond.
func TestTimeEndsVerdicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ends := w.clock.now().Add(30 * time.Minute).UTC()
	require.NoError(t, w.handler.Replace(w.judge(nonRoot+fmt.Sprintf(`
exceptions:
- {rule: config.nonRoot, images: ["**"], owner: ana, reason: soon, expires: %s}
`, ends.Format(time.RFC3339)))))
	image := w.named("root@" + w.root.String())
	require.True(t, w.ask("default", image).Allowed)
	w.clock.pass(4 * time.Second)
	require.EqualValues(t, 0, w.checks(func() { require.True(t, w.ask("default", image).Allowed) }))
	w.clock.pass(31 * time.Minute)
	require.False(t, w.ask("default", image).Allowed)
}

// Another policy is asked anew; the one before is closed when nobody uses it any
// more, and not before.
func TestReplace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	image := w.named("root@" + w.root.String())
	var closed atomic.Int32
	old := w.judge(strings.Replace(nonRoot, "nonRoot: true", "nonRoot: warn, maxLayers: 9", 1))
	old.Close = func() { closed.Add(1) }
	require.NoError(t, w.handler.Replace(old))
	require.True(t, w.ask("default", image).Allowed)

	release, began := make(chan struct{}), make(chan struct{}, 9)
	w.images.before(func(context.Context, string) { began <- struct{}{}; <-release })
	answer := make(chan bool)
	go func() { answer <- w.ask("default", w.named("root:1")).Allowed }()
	<-began
	require.NoError(t, w.handler.Replace(w.judge(nonRoot)))
	require.Zero(t, closed.Load(), "a review is under way")
	close(release)
	require.True(t, <-answer, "it is answered by the policy that it met")
	require.Eventually(t, func() bool { return closed.Load() == 1 }, 10*time.Second, time.Millisecond)
	require.False(t, w.ask("default", image).Allowed)
	require.Error(t, w.handler.Replace(admission.Judge{}))
}

// Policies are exchanged while reviews come: each is answered, by one or the other,
// and every Judge but the last is closed.
func TestReplaceUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var closed atomic.Int32
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 200 {
				require.True(t, w.ask("default", w.named("good:1")).Allowed)
				require.False(t, w.ask(fmt.Sprint("n", i), w.named("root:1")).Allowed)
			}
		})
	}
	const policies = 30
	for i := range policies {
		next := w.judge(strings.Replace(nonRoot, "test", fmt.Sprint("test-", i), 1))
		next.Close = func() { closed.Add(1) }
		require.NoError(t, w.handler.Replace(next))
	}
	group.Wait()
	require.Eventually(t, func() bool { return closed.Load() == policies-1 }, 10*time.Second, time.Millisecond)
	w.handler.Close()
	require.EqualValues(t, policies, closed.Load())
}

// A database that is put in place judges anew.
func TestAnotherDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	judge := w.judge(nonRoot)
	judge.Database = &sbom.Database{Checksum: "xxh64:1", Built: w.clock.now()}
	require.NoError(t, w.handler.Replace(judge))
	image := w.named("good@" + w.good.String())
	require.Equal(t, judge.Database.Built.UTC().Format(time.RFC3339), w.ask("default", image).AuditAnnotations["database"])
	judge.Database = &sbom.Database{Checksum: "xxh64:2", Built: w.clock.now()}
	require.NoError(t, w.handler.Replace(judge))
	require.EqualValues(t, 0, w.checks(func() { w.ask("default", image) }), "this policy asks nothing of a database")
}

// With the last good verdict, a registry that is down keeps nothing from running that
// was allowed before under the same policy and digest; a tag may mean anything by now.
func TestLastGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admission.WithKeep(admission.Keep{LastGood: 3 * time.Hour}))
	good, tag, root := w.named("good@"+w.good.String()), w.named("good:1"), w.named("root@"+w.root.String())
	require.True(t, w.ask("default", good, tag).Allowed)
	require.False(t, w.ask("default", root).Allowed)
	w.registry.Break("", gatetest.Status(503))
	w.clock.pass(2 * time.Hour)
	got := w.ask("default", good)
	require.True(t, got.Allowed)
	require.Contains(t, got.AuditAnnotations["image-0"], "by last-good")
	review := podRequest(t, admissionv1.Create, podOf(good))
	require.Contains(t, w.admit("/validate", review).Warnings[0], "last-good")
	require.False(t, w.ask("default", tag).Allowed)
	require.False(t, w.ask("default", root).Allowed)
	w.clock.pass(2 * time.Hour)
	require.False(t, w.ask("default", good).Allowed)
	w.registry.Mend()
	w.clock.pass(time.Minute)
	require.True(t, w.ask("default", good).Allowed)
	require.NoError(t, w.handler.Replace(w.judge(strings.Replace(nonRoot, "test", "other", 1))))
	w.registry.Break("", gatetest.Status(503))
	require.False(t, w.ask("default", good).Allowed, "another policy has said nothing yet")
}

// Replicas share verdicts through a store, and only those that it can vouch for.
func TestReplicasShareVerdicts(t *testing.T) {
	t.Parallel()
	backend := store.NewDisk(t.TempDir(), 0)
	secret, err := backend.Secret()
	require.NoError(t, err)
	shared, err := store.New(backend, secret)
	require.NoError(t, err)
	one := newWorld(t, admission.WithStore(shared))
	image, root := one.named("good@"+one.good.String()), one.named("root@"+one.root.String())
	require.True(t, one.ask("default", image).Allowed)
	require.False(t, one.ask("default", root).Allowed)
	require.False(t, one.ask("default", one.named("missing:1")).Allowed)

	two := newWorld(t, admission.WithStore(shared))
	require.True(t, two.ask("default", image).Allowed)
	got := two.ask("default", root)
	require.False(t, got.Allowed)
	require.Contains(t, got.Reason, "nonRoot")
	require.Zero(t, two.images.resolved.Load())
	require.False(t, two.ask("default", one.named("missing:1")).Allowed)
	require.EqualValues(t, 1, two.images.resolved.Load(), "what could not be judged is not shared")

	foreign, err := store.New(backend, make([]byte, store.SecretSize))
	require.NoError(t, err)
	three := newWorld(t, admission.WithStore(foreign))
	require.True(t, three.ask("default", image).Allowed)
	require.EqualValues(t, 1, three.images.resolved.Load())
}

// A store that lies about what a verdict is, hangs or is gone costs time only.
func TestStoreCannotAllow(t *testing.T) {
	t.Parallel()
	for _, lie := range []string{`{"decision":"allow"}`, `{"decision":"","until":"2999-01-01T00:00:00Z"}`, `{`, `null`,
		`{"decision":"allow","digest":"x","until":"2999-01-01T00:00:00Z"}`} {
		w := newWorld(t, admission.WithStore(liar(lie)))
		require.False(t, w.ask("default", w.named("root:1")).Allowed, lie)
	}
	w := newWorld(t, admission.WithStore(hanging{}))
	require.True(t, w.ask("default", w.named("good:1")).Allowed)
}

type liar string

func (l liar) Get(context.Context, string) ([]byte, time.Duration, bool) { return []byte(l), 0, true }
func (liar) Put(context.Context, string, ...[]byte)                      {}

type hanging struct{}

func (hanging) Get(ctx context.Context, _ string) ([]byte, time.Duration, bool) {
	<-ctx.Done()
	return nil, 0, false
}
func (hanging) Put(ctx context.Context, _ string, _ ...[]byte) { <-ctx.Done() }

func TestExempt(t *testing.T) {
	t.Parallel()
	own := "registry.example.com/imagegate@sha256:" + strings.Repeat("ab", 32)
	w := newWorld(t, admission.WithExemptNamespaces("kube-*", "gate"), admission.WithExemptImages(own))
	require.True(t, w.ask("kube-system", "no image").Allowed)
	require.True(t, w.ask("gate", w.named("root:1")).Allowed)
	require.False(t, w.ask("", w.named("root:1")).Allowed)
	got := w.ask("default", own, w.named("good:1"))
	require.True(t, got.Allowed)
	require.Equal(t, "exempt,allow", got.AuditAnnotations["verdict"])
	require.False(t, w.ask("default", own, w.named("root:1")).Allowed)
	for _, bad := range []admission.Option{
		admission.WithExemptImages("imagegate:1"), admission.WithExemptNamespaces("["), admission.WithExemptNamespaces(""),
		admission.WithPinning(nil, []string{"["}),
	} {
		_, err := admission.New(w.judge(nonRoot), bad)
		require.Error(t, err)
	}
}

// Where the policy only warns, what cannot be judged is refused all the same, unless
// somebody wants it otherwise.
func TestUnenforcedUndecided(t *testing.T) {
	t.Parallel()
	for _, admit := range []bool{false, true} {
		var options []admission.Option
		if admit {
			options = append(options, admission.WithInsecureAdmitUnenforced())
		}
		w := newWorld(t, options...)
		w.registry.Break("", gatetest.Status(503))
		require.Equal(t, admit, w.ask("warned", w.named("good:1")).Allowed)
		require.Equal(t, "undecided", w.ask("warned", w.named("good:1")).AuditAnnotations["verdict"])
		require.False(t, w.ask("default", w.named("good:1")).Allowed)
		require.False(t, w.ask("warned", "no image").Allowed)
	}
}

// A token opens the gate for its digest in its namespace, whatever the verdict, and
// each use is written down.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	private, public, err := breakglass.GenerateKey()
	require.NoError(t, err)
	signing, err := breakglass.ParseSigningKey(private)
	require.NoError(t, err)
	verifying, err := breakglass.ParsePublicKey(public)
	require.NoError(t, err)
	verifier, err := breakglass.NewVerifier([]breakglass.PublicKey{verifying})
	require.NoError(t, err)
	w := newWorld(t, admission.WithBreakGlass(verifier))
	token := func(namespace, digest string, lifetime time.Duration) string {
		token, err := signing.Sign(breakglass.Grant{
			ID: "INC-1", Digests: []string{digest}, Namespace: namespace, Owner: "ana@example.com", Reason: "down",
			Issued: w.clock.now(), Expires: w.clock.now().Add(lifetime),
		}, breakglass.DefaultMaxLifetime)
		require.NoError(t, err)
		return token
	}
	ask := func(annotation string, images ...string) (allowed bool, reason string, audit map[string]string) {
		review := reviewOf("shop", images...)
		review.Spec.Annotations = map[string]string{breakglass.Annotation: annotation}
		got := w.askRaw("/imagepolicy", encode(t, review))
		return got.Allowed, got.Reason, got.AuditAnnotations
	}
	image := w.named("root@" + w.root.String())
	valid := token("shop", w.root.String(), time.Hour)
	allowed, _, audit := ask(valid, image)
	require.True(t, allowed)
	require.Equal(t, "deny", audit["verdict"], "the verdict stays what it is")
	require.Contains(t, audit["breakglass-0"], "token INC-1 of ana@example.com until ")
	requireAuditKeys(t, audit)
	require.Contains(t, w.metrics(), `imagegate_breakglass_total{result="used"} 1`)

	for name, annotation := range map[string]string{
		"none": "", "free text": "please", "override": "true", "other namespace": token("bank", w.root.String(), time.Hour),
		"other digest": token("shop", w.good.String(), time.Hour), "edited": edited(valid),
	} {
		allowed, reason, _ := ask(annotation, image)
		require.False(t, allowed, name)
		require.Equal(t, annotation != "", strings.Contains(reason, ": breakglass: "), name)
	}
	allowed, _, _ = ask(token("shop", w.good.String(), time.Hour)+" "+valid, image, w.named("root:1"))
	require.True(t, allowed, "the second token is for both names of the digest")
	allowed, _, _ = ask(valid, image, w.named("missing:1"))
	require.False(t, allowed)

	// Where nothing can be judged, a digest in the name is enough.
	w.registry.Break("", gatetest.Status(503))
	w.clock.pass(2 * time.Minute)
	valid = token("shop", w.root.String(), time.Hour)
	allowed, _, audit = ask(valid, image)
	require.True(t, allowed)
	require.Equal(t, "undecided", audit["verdict"])
	allowed, _, _ = ask(valid, w.named("root:1"))
	require.False(t, allowed, "what the tag means nobody knows")
	w.clock.pass(2 * time.Hour)
	allowed, _, _ = ask(valid, image)
	require.False(t, allowed)
}

// edited is a token with another signature. Its end may stay the same when it is
// replaced by a constant: one random signature in some hundreds has that end.
func edited(token string) string {
	at := strings.LastIndex(token, ".") + 1
	other := "A"
	if token[at] == 'A' {
		other = "g"
	}
	return token[:at] + other + token[at+1:]
}

var _ gate.Memory = liar("")
