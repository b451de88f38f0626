package gate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/inspect"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// The engines that need minutes to compile are stood in for by functions here;
// images, registry and inspection are real. The whole is tested with everything
// real in cmd/imagegate.
type verifier func(digest string) gate.Verified

func (f verifier) Verify(_ context.Context, digest string, _ []gate.Attachment) gate.Verified {
	return f(digest)
}

type cataloger func() (*sbom.Document, error)

func (f cataloger) Catalog(context.Context, sbom.Image, sbom.Files) (*sbom.Document, error) {
	return f()
}

type matcher struct {
	found []sbom.Vulnerability
	err   error
}

func (m matcher) Match(context.Context, *sbom.Document) ([]sbom.Vulnerability, error) {
	return m.found, m.err
}

func (m matcher) Database() (*sbom.Database, error) {
	return &sbom.Database{Built: time.Now(), Checksum: "xxh64:1"}, nil
}

func signedBy(name string) verifier {
	return func(digest string) gate.Verified {
		return gate.Verified{Signatures: []policy.Signature{{Signer: name, Kind: "key", SubjectDigest: digest}}}
	}
}

func nobodySigned(string) gate.Verified { return gate.Verified{} }

func engines(t *testing.T) gate.Engines {
	t.Helper()
	images, err := image.New()
	require.NoError(t, err)
	return gate.Engines{
		Images:    images,
		Verifier:  signedBy("release"),
		Inspector: inspect.New(),
		Cataloger: cataloger(func() (*sbom.Document, error) { return &sbom.Document{}, nil }),
		Matcher:   matcher{},
	}
}

// strict is restricted with one signer.
func strict(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("test", []byte(`
apiVersion: imagegate.dev/v1
kind: Policy
metadata: {name: test}
extends: restricted
signatures:
  signers:
  - {name: release, keyless: {issuer: "https://issuer.example.com", subject: ci@example.com}}
`))
	require.NoError(t, err)
	return p
}

func check(t *testing.T, e gate.Engines, reference string, stage policy.Stage, options ...gate.Option) gate.Result {
	t.Helper()
	g, err := gate.New(strict(t), e, options...)
	require.NoError(t, err)
	result, err := g.Check(t.Context(), reference, stage)
	require.NoError(t, err)
	return result
}

func TestCheckAllows(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	digest := registry.Push("app:v1", gatetest.SmallImage(t))
	for _, stage := range policy.Stages() {
		result := check(t, engines(t), registry.Host()+"/app:v1", stage)
		assert.Equal(t, policy.Allow, result.Verdict, "%s: %v", stage, result.Findings)
		assert.Equal(t, digest.String(), result.Digest)
		assert.Equal(t, "linux/amd64", result.Platforms[0].Name)
	}
}

// The namespace of a question says which overrides of the policy judge it.
func TestAskInNamespace(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:latest", gatetest.SmallImage(t))
	p, err := policy.Parse("test", []byte(`
apiVersion: imagegate.dev/v1
kind: Policy
metadata: {name: test}
reference: {denyTags: [latest]}
overrides:
- {name: system, match: {namespaces: [kube-system]}, enforcement: audit, platforms: [linux/amd64]}
- {match: {namespaces: [prod]}, content: {shells: deny}}
`))
	require.NoError(t, err)
	g, err := gate.New(p, engines(t))
	require.NoError(t, err)
	ask := func(namespace string) gate.Result {
		result, err := g.Ask(t.Context(), gate.Question{Reference: registry.Host() + "/app:latest", Stage: policy.StageScan, Namespace: namespace})
		require.NoError(t, err)
		require.Equal(t, namespace, result.Namespace)
		return result
	}
	require.Equal(t, policy.Deny, ask("").Verdict)
	require.Equal(t, policy.Allow, ask("kube-system").Verdict)
	require.Contains(t, ask("kube-system").Findings[0].Message, "system")
	require.NotContains(t, ask("").Platforms[0].Steps, policy.StepFiles, "nothing asks for the files")
	require.Contains(t, ask("prod").Platforms[0].Steps, policy.StepFiles)
}

// A reference is resolved once: moving the tag during a check changes nothing.
func TestCheckResolvesOnce(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	digest := registry.Push("app:v1", gatetest.SmallImage(t))
	e := engines(t)
	e.Verifier = verifier(func(d string) gate.Verified {
		registry.Push("app:v1", gatetest.Image(t, v1.ConfigFile{}))
		return signedBy("release")(d)
	})
	result := check(t, e, registry.Host()+"/app:v1", policy.StageBuild)
	assert.Equal(t, policy.Allow, result.Verdict, "%v", result.Findings)
	assert.Equal(t, digest.String(), result.Digest)
}

// At admission an unsigned image is refused before a layer is pulled; at build and
// scan every reason is collected.
func TestCheckStopsEarlyAtAdmission(t *testing.T) {
	t.Parallel()
	for stage, layers := range map[policy.Stage]bool{policy.StageAdmission: false, policy.StageBuild: true, policy.StageScan: true} {
		registry := gatetest.NewRegistry(t)
		registry.Push("app:v1", gatetest.SmallImage(t))
		e := engines(t)
		e.Verifier = verifier(nobodySigned)
		result := check(t, e, registry.Host()+"/app:v1", stage)
		assert.Equal(t, policy.Deny, result.Verdict, "%s: %v", stage, result.Findings)
		// The first blob is the config, which names the platform.
		assert.Equal(t, layers, registry.Count("/blobs/") > 1, "%s", stage)
	}
}

// Whatever breaks, the image is undecided: not allowed, and not denied either.
func TestCheckIsUndecided(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*gatetest.Registry, *gate.Engines){
		"registry down":     func(r *gatetest.Registry, _ *gate.Engines) { r.Break("", gatetest.Status(503)) },
		"layers unreadable": func(r *gatetest.Registry, _ *gate.Engines) { r.Break("/blobs/", gatetest.Status(500)) },
		"cataloger fails":   func(_ *gatetest.Registry, e *gate.Engines) { e.Cataloger = cataloger(failing) },
		"cataloger panics":  func(_ *gatetest.Registry, e *gate.Engines) { e.Cataloger = cataloger(panicking) },
		"document has gaps": func(_ *gatetest.Registry, e *gate.Engines) { e.Cataloger = cataloger(incomplete) },
		"matcher fails":     func(_ *gatetest.Registry, e *gate.Engines) { e.Matcher = matcher{err: errors.New("no such table")} },
		"signatures not found": func(r *gatetest.Registry, e *gate.Engines) {
			e.Verifier = verifier(nobodySigned)
			r.Break(".sig", gatetest.Status(500))
		},
		"verifier panics": func(_ *gatetest.Registry, e *gate.Engines) {
			e.Verifier = verifier(func(string) gate.Verified { panic("nil map") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := gatetest.NewRegistry(t)
			registry.Push("app:v1", gatetest.SmallImage(t))
			e := engines(t)
			spoil(registry, &e)
			result := check(t, e, registry.Host()+"/app:v1", policy.StageBuild)
			assert.Equal(t, policy.NotDecidable, result.Verdict, "%v", result.Findings)
		})
	}
}

func failing() (*sbom.Document, error)   { return nil, errors.New("cannot read the package database") }
func panicking() (*sbom.Document, error) { panic("index out of range") }
func incomplete() (*sbom.Document, error) {
	return &sbom.Document{Gaps: []string{"no package database"}}, nil
}

func TestCheckEndsInTime(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	registry.Break("/blobs/", gatetest.Hang())
	result := check(t, engines(t), registry.Host()+"/app:v1", policy.StageBuild, gate.WithTimeout(300*time.Millisecond))
	require.Equal(t, policy.NotDecidable, result.Verdict, "%v", result.Findings)
	assert.True(t, result.Evidence.Steps[policy.StepResolve].Transient)
}

// An index is judged whole: one bad platform image denies it.
func TestCheckJudgesEveryPlatform(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	root := gatetest.WithConfig(t, gatetest.SmallImage(t), func(c *v1.ConfigFile) {
		c.Architecture, c.Config.User = "arm64", "root"
	})
	index := gatetest.WithAttestationManifest(t, gatetest.Index(t, gatetest.SmallImage(t), root), root)
	registry.Push("app:v1", index)
	result := check(t, engines(t), registry.Host()+"/app:v1", policy.StageBuild)
	require.Equal(t, policy.Deny, result.Verdict, "%v", result.Findings)
	require.Len(t, result.Platforms, 2)
	for _, f := range result.Findings {
		if f.Rule == policy.RuleNonRoot {
			assert.Equal(t, f.Platform == "linux/arm64", f.Outcome == policy.Fail, "%+v", f)
		}
	}
}

func TestCheckRefusesWhatIsNoReference(t *testing.T) {
	t.Parallel()
	g, err := gate.New(strict(t), engines(t))
	require.NoError(t, err)
	_, err = g.Check(t.Context(), "not a reference", policy.StageBuild)
	var misnamed *gate.ReferenceError
	require.ErrorAs(t, err, &misnamed)
	assert.NotEmpty(t, misnamed.Remedy())
}

// A forgotten engine is never a pass.
func TestNewNeedsEveryEngineThatThePolicyAsksFor(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*gate.Engines){
		"Images":    func(e *gate.Engines) { e.Images = nil },
		"Verifier":  func(e *gate.Engines) { e.Verifier = nil },
		"Inspector": func(e *gate.Engines) { e.Inspector = nil },
		"Cataloger": func(e *gate.Engines) { e.Cataloger = nil },
		"Matcher":   func(e *gate.Engines) { e.Matcher = nil },
	} {
		e := engines(t)
		forget(&e)
		_, err := gate.New(strict(t), e)
		assert.ErrorContains(t, err, name)
	}
	_, err := gate.New(nil, engines(t))
	assert.ErrorContains(t, err, "policy")
}

func TestReportDecision(t *testing.T) {
	t.Parallel()
	of := func(decisions ...policy.Decision) policy.Decision {
		var r gate.Report
		for _, d := range decisions {
			r.Results = append(r.Results, gate.Result{Verdict: d})
		}
		return r.Decision()
	}
	assert.Equal(t, policy.Allow, of(policy.Allow, policy.Allow))
	assert.Equal(t, policy.Deny, of(policy.Allow, policy.NotDecidable, policy.Deny))
	assert.Equal(t, policy.NotDecidable, of(policy.NotDecidable, policy.Allow))
	assert.Equal(t, policy.NotDecidable, of(policy.Allow, policy.NotDecidable))
	assert.Equal(t, policy.NotDecidable, of(policy.Allow, ""))
	assert.Equal(t, policy.NotDecidable, of())
}
