package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// remembering is a memory whose entries age as the test wants.
type remembering struct {
	mu     sync.Mutex
	values map[string][]byte
	age    time.Duration
}

func (r *remembering) Get(_ context.Context, key string) ([]byte, time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	value, ok := r.values[key]
	return value, r.age, ok
}

func (r *remembering) Put(_ context.Context, key string, value ...[]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values[key] = slices.Concat(value...)
}

// codec stands in for that of sbom/catalog.
type codec struct{}

func (codec) EncodeDocument(d *sbom.Document) ([]byte, error)  { return json.Marshal(d) }
func (codec) EncodeInventory(d *sbom.Document) ([]byte, error) { return json.Marshal(d) }
func (codec) DecodeDocument(data []byte, _ sbom.Image) (*sbom.Document, error) {
	var d sbom.Document
	return &d, json.Unmarshal(data, &d)
}

// named is a verifier that says what its results depend on.
type named struct {
	verifier
	identity string
}

func (n named) Identity() string { return n.identity }

// counted are engines that count what they were asked.
type counted struct {
	gate.Engines
	verified, cataloged, matched atomic.Int32
	built                        time.Time
	checksum                     string
}

func (c *counted) Database() (*sbom.Database, error) {
	return &sbom.Database{Built: c.built, Checksum: c.checksum}, nil
}

func (c *counted) Match(context.Context, *sbom.Document) ([]sbom.Vulnerability, error) {
	c.matched.Add(1)
	return nil, nil
}

func countedEngines(t *testing.T) *counted {
	c := &counted{Engines: engines(t), built: time.Now(), checksum: "xxh64:1"}
	c.Verifier = named{func(digest string) gate.Verified {
		c.verified.Add(1)
		return signedBy("release")(digest)
	}, "release"}
	c.Cataloger = cataloger(func() (*sbom.Document, error) {
		c.cataloged.Add(1)
		time.Sleep(10 * time.Millisecond) // long enough to be met by another check
		return &sbom.Document{Packages: []sbom.Package{{Name: "app", Version: "1"}}}, nil
	})
	c.Matcher = c
	return c
}

func (c *counted) check(t *testing.T, m gate.Memory, reference string, stage policy.Stage, options ...gate.Option) gate.Result {
	t.Helper()
	return check(t, c.Engines, reference, stage, append(options, gate.WithMemory(m, codec{}, "v1"))...)
}

// A second check asks no engine and gives the same answer.
func TestMemoryAnswersInPlaceOfEngines(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	reference, m, c := registry.Host()+"/app:v1", &remembering{values: map[string][]byte{}}, countedEngines(t)
	first := c.check(t, m, reference, policy.StageBuild)
	require.Equal(t, policy.Allow, first.Verdict, "%v", first.Findings)
	require.Equal(t, map[string]string{"evidence": "miss", "sbom": "miss", "matches": "miss", "signatures": "miss"}, first.Cache)

	second := c.check(t, m, reference, policy.StageBuild)
	require.Equal(t, map[string]string{"evidence": "hit", "sbom": "hit", "matches": "hit", "signatures": "hit"}, second.Cache)
	require.EqualValues(t, 1, c.verified.Load())
	require.EqualValues(t, 1, c.cataloged.Load())
	require.EqualValues(t, 1, c.matched.Load())
	require.Equal(t, first.Findings, second.Findings)
	require.JSONEq(t, jsonOf(t, first.Platforms), jsonOf(t, second.Platforms))
	require.Equal(t, first.Signatures, second.Signatures)

	// Another database: matched again, not cataloged.
	c.checksum = "xxh64:2"
	third := c.check(t, m, reference, policy.StageBuild)
	require.Equal(t, "stale", third.Cache["matches"])
	require.Equal(t, "hit", third.Cache["sbom"])
	require.EqualValues(t, 1, c.cataloged.Load())
	require.EqualValues(t, 2, c.matched.Load())

	// Other engines know nothing of it.
	other := check(t, c.Engines, reference, policy.StageBuild, gate.WithMemory(m, codec{}, "v2"))
	require.Equal(t, "miss", other.Cache["sbom"])
}

// A verdict is of the moment: facts stay, what they mean does not.
func TestMemoryKeepsNoVerdict(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	reference, m, c := registry.Host()+"/app:v1", &remembering{values: map[string][]byte{}}, countedEngines(t)
	require.Equal(t, policy.Allow, c.check(t, m, reference, policy.StageBuild).Verdict)
	later := c.check(t, m, reference, policy.StageBuild, gate.WithClock(func() time.Time { return time.Now().AddDate(1, 0, 0) }))
	require.Equal(t, "hit", later.Cache["matches"])
	require.Equal(t, policy.NotDecidable, later.Verdict, "the database is too old by then")
}

// Signatures are looked up again after a day, by other signers, in another
// repository, and where there were none.
func TestMemoryOfSignatures(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	for _, name := range []string{"app:v1", "other:v1"} {
		registry.Push(name, gatetest.SmallImage(t))
	}
	reference, m, c := registry.Host()+"/app:v1", &remembering{values: map[string][]byte{}}, countedEngines(t)
	signed := c.Verifier
	unsigned := named{verifier(func(string) gate.Verified { c.verified.Add(1); return gate.Verified{} }), "release"}

	c.Verifier = unsigned
	require.Equal(t, policy.Deny, c.check(t, m, reference, policy.StageAdmission).Verdict)
	c.Verifier = signed
	require.Equal(t, policy.Allow, c.check(t, m, reference, policy.StageAdmission).Verdict, "that there was none is not remembered")
	c.Verifier = unsigned
	require.Equal(t, policy.Allow, c.check(t, m, reference, policy.StageAdmission).Verdict, "what verified is")
	require.EqualValues(t, 2, c.verified.Load())

	require.Equal(t, policy.Deny, c.check(t, m, registry.Host()+"/other:v1", policy.StageAdmission).Verdict, "another repository")
	c.Verifier = named{unsigned.verifier, "somebody else"}
	require.Equal(t, policy.Deny, c.check(t, m, reference, policy.StageAdmission).Verdict, "other signers")
	c.Verifier = unsigned.verifier
	require.Equal(t, policy.Deny, c.check(t, m, reference, policy.StageAdmission).Verdict, "a verifier without identity")
	c.Verifier = unsigned
	m.age = 25 * time.Hour
	stale := c.check(t, m, reference, policy.StageAdmission)
	require.Equal(t, policy.Deny, stale.Verdict, "after a day")
	require.Equal(t, "stale", stale.Cache["signatures"])
}

// What could not be found out is not remembered.
func TestMemoryKeepsNoFailure(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	reference, m, c := registry.Host()+"/app:v1", &remembering{values: map[string][]byte{}}, countedEngines(t)
	whole := c.Cataloger
	for _, broken := range []cataloger{failing, panicking} {
		c.Cataloger = broken
		require.Equal(t, policy.NotDecidable, c.check(t, m, reference, policy.StageBuild).Verdict)
	}
	c.Cataloger = whole
	c.Matcher = matcher{err: errors.New("no such table")}
	require.Equal(t, policy.NotDecidable, c.check(t, m, reference, policy.StageBuild).Verdict)
	c.Matcher = c
	result := c.check(t, m, reference, policy.StageBuild)
	require.Equal(t, policy.Allow, result.Verdict, "%v", result.Findings)
	require.Equal(t, "miss", result.Cache["matches"])
}

// Entries that cannot be decoded are none.
func TestMemoryThatMakesNoSense(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	reference, m, c := registry.Host()+"/app:v1", &remembering{values: map[string][]byte{}}, countedEngines(t)
	first := c.check(t, m, reference, policy.StageBuild)
	for key := range m.values {
		m.values[key] = []byte("{")
	}
	second := c.check(t, m, reference, policy.StageBuild)
	require.Equal(t, first.Findings, second.Findings)
	require.Equal(t, "miss", second.Cache["evidence"])
}

// Checks that run at once read one digest once; results are as if they had not.
func TestChecksAtOnceShareTheWork(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	registry.Push("app:v2", gatetest.SmallImage(t))
	m, c := &remembering{values: map[string][]byte{}}, countedEngines(t)
	g, err := gate.New(strict(t), c.Engines, gate.WithMemory(m, codec{}, "v1"), gate.WithParallel(2))
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			result, err := g.Check(t.Context(), registry.Host()+[]string{"/app:v1", "/app:v2"}[i%2], policy.StageBuild)
			if err != nil || result.Verdict != policy.Allow {
				t.Errorf("%v %v", err, result.Findings)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, c.cataloged.Load())
	_, err = gate.New(strict(t), c.Engines, gate.WithParallel(0))
	require.Error(t, err)
	_, err = gate.New(strict(t), c.Engines, gate.WithMemory(nil, codec{}, "v1"))
	require.Error(t, err)
}

// Platform images are read side by side, within the bound, and reported in order.
func TestPlatformsAtOnce(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.Index(t, platformImages(t)...))
	e := engines(t)
	var now, most atomic.Int32
	e.Cataloger = cataloger(func() (*sbom.Document, error) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		time.Sleep(20 * time.Millisecond)
		return &sbom.Document{}, nil
	})
	for range 3 {
		result := check(t, e, registry.Host()+"/app:v1", policy.StageBuild, gate.WithParallel(2))
		require.Equal(t, []string{"linux/amd64", "linux/arm64", "linux/s390x", "linux/riscv64"}, platformNames(result))
	}
	require.EqualValues(t, 2, most.Load())

	// Where the first denial ends the check, they come one after the other.
	most.Store(0)
	check(t, e, registry.Host()+"/app:v1", policy.StageAdmission, gate.WithParallel(2))
	require.LessOrEqual(t, most.Load(), int32(1))
}

func platformImages(t *testing.T) []v1.Image {
	t.Helper()
	var images []v1.Image
	for _, architecture := range []string{"amd64", "arm64", "s390x", "riscv64"} {
		images = append(images, gatetest.WithConfig(t, gatetest.SmallImage(t), func(c *v1.ConfigFile) { c.Architecture = architecture }))
	}
	return images
}

func platformNames(result gate.Result) []string {
	var names []string
	for _, p := range result.Platforms {
		names = append(names, p.Name)
	}
	return names
}

func jsonOf(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

// readingInspector is an inspector that says which trees suffice it.
type readingInspector struct {
	gate.Inspector

	enough func(sbom.Files) error
	files  *recalled
}

func (r readingInspector) Files(ctx context.Context, config *v1.ConfigFile, files sbom.Files) (policy.Inspection, error) {
	if err := r.enough(files); err != nil {
		return policy.Inspection{}, err
	}
	return r.Inspector.Files(ctx, config, r.files)
}

// recalled is a file tree whose layers were remembered without all of their content.
type recalled struct {
	gate.FileTree

	again atomic.Int32
}

func (r *recalled) Again(context.Context) (gate.FileTree, error) {
	r.again.Add(1)
	return tree{}, nil
}

// Close leaves the content to what is read again.
func (*recalled) Close() error { return nil }

// tree is one that was read.
type tree struct{ gate.FileTree }

func (tree) Close() error { return nil }

// remembered are images whose layers are remembered.
type remembered struct {
	gate.Images

	files *recalled
}

func (r remembered) Resolve(ctx context.Context, reference string) (gate.Subject, error) {
	subject, err := r.Images.Resolve(ctx, reference)
	return rememberedSubject{subject, r.files}, err
}

type rememberedSubject struct {
	gate.Subject

	files *recalled
}

func (s rememberedSubject) Platforms(ctx context.Context) ([]gate.Platform, error) {
	platforms, err := s.Subject.Platforms(ctx)
	for i, p := range platforms {
		platforms[i] = rememberedPlatform{p, s.files}
	}
	return platforms, err
}

type rememberedPlatform struct {
	gate.Platform

	files *recalled
}

func (p rememberedPlatform) Files(ctx context.Context) (gate.FileTree, error) {
	files, err := p.Platform.Files(ctx)
	p.files.FileTree = files
	return p.files, err
}

// reading is a cataloger that says which trees suffice it.
type reading func(sbom.Files) error

func (r reading) Catalog(_ context.Context, _ sbom.Image, files sbom.Files) (*sbom.Document, error) {
	return &sbom.Document{}, r(files)
}

// What was not remembered of a layer but is wanted is read after all, and only then.
func TestLayersAreReadAfterAll(t *testing.T) {
	t.Parallel()
	registry := gatetest.NewRegistry(t)
	registry.Push("app:v1", gatetest.SmallImage(t))
	for name, test := range map[string]struct {
		err   error
		again int32
	}{"all is there": {nil, 0}, "content is missing": {sbom.ErrNotKept, 1}, "another reason": {errors.New("broken"), 0}} {
		files := &recalled{}
		enough := func(files sbom.Files) error {
			if _, whole := files.(tree); whole {
				return nil
			}
			return test.err
		}
		cataloger, inspector := engines(t), engines(t)
		cataloger.Cataloger = reading(enough)
		inspector.Inspector = readingInspector{inspector.Inspector, enough, files}
		for step, e := range map[string]gate.Engines{"cataloger": cataloger, "inspector": inspector} {
			files.again.Store(0)
			e.Images = remembered{e.Images, files}
			result := check(t, e, registry.Host()+"/app:v1", policy.StageBuild)
			require.Equal(t, test.again, files.again.Load(), "%s, %s", step, name)
			done := test.err == nil || test.again > 0
			require.Equal(t, done, result.Verdict == policy.Allow, "%s, %s", step, name)
		}
	}
}
