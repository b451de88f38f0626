package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	imagepolicyv1 "k8s.io/api/imagepolicy/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/admission"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/store"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// TestServeFaultsNeverAllow asks a server for reviews while its registry resets,
// stalls, truncates, corrupts, refuses and exchanges what it answers, its store
// forgets, fails and spoils what it keeps, its database fails, and its Judge is
// replaced again and again. Each review is answered, and nothing is let in that
// should not be: what should be denied, what cannot be judged, or another digest.
func TestServeFaultsNeverAllow(t *testing.T) {
	w, err := newWorld(t)
	require.NoError(t, err)
	images := mixedImages(t, w)
	proxy := gatetest.NewProxy(t, w.registry, faultRate, "plain:v1", "root:v1")
	s := newFaultyServer(t, w)
	tally := tally{counts: map[string]map[judged]int{}}
	var group errgroup.Group
	group.SetLimit(12 * runtime.GOMAXPROCS(0)) // they wait more than they work
	for i := range (*faultChecks + 1) / 2 {
		seed, image := *faultSeed+uint64(i), images[i%len(images)]
		group.Go(func() error {
			reference := proxy.Reference(seed, image.name+":v1")
			var kinds []string
			for range 2 { // the second time it may be remembered
				got, err := s.ask(reference)
				kinds = append(kinds, proxy.Done(seed)...)
				if err == nil {
					err = image.admits(got, reference)
				}
				if err != nil {
					return fmt.Errorf("-faults=2 -faults-seed=%d, image %s, mischief %v: %w", seed, image.name, kinds, err)
				}
				tally.add(append([]string{}, kinds...), judged{image.want, verdictOf(got)})
			}
			if i%50 == 0 {
				return s.handler.Replace(s.judge)
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	if *faultTable != "" {
		tally.write(t, strings.TrimSuffix(*faultTable, ".txt")+"-reviews.txt")
	}
}

func verdictOf(got imagepolicyv1.ImageReviewStatus) policy.Decision {
	return policy.Decision(got.AuditAnnotations["verdict"])
}

// admits says what is wrong with an answer that was given in spite of mischief.
func (i mixedImage) admits(got imagepolicyv1.ImageReviewStatus, reference string) error {
	switch {
	case got.Allowed && (i.want != policy.Allow || got.AuditAnnotations["digest"] != i.digest || verdictOf(got) != policy.Allow):
		return fmt.Errorf("it is let in, and should be %s: %v", i.want, got.AuditAnnotations)
	case !got.Allowed && !strings.HasPrefix(got.Reason, reference+": "):
		return fmt.Errorf("the reason does not begin with the image: %q", got.Reason)
	}
	return nil
}

// faultyServer is the handler of serve, with engines that fail.
type faultyServer struct {
	judge   admission.Judge
	handler *admission.Handler
	server  *httptest.Server
}

func newFaultyServer(t *testing.T, w *world) *faultyServer {
	t.Helper()
	p := faultPolicy(t, w)
	memory, err := store.New(&faultyBackend{entries: map[string][]byte{}, random: rand.New(rand.NewPCG(*faultSeed, 1))}, make([]byte, store.SecretSize))
	require.NoError(t, err)
	engines, done := realEngines(t, p, filepath.Join(builtDatabase(t), "db"), image.WithMemory(memory))
	t.Cleanup(done)
	engines.Matcher = &faultyMatcher{Matcher: engines.Matcher, random: rand.New(rand.NewPCG(*faultSeed, 2))}
	g, err := gate.New(p, engines, gate.WithTimeout(faultTime), gate.WithMemory(memory, catalog.Codec{}, "faults"))
	require.NoError(t, err)
	s := &faultyServer{judge: admission.Judge{Gate: g, Policy: p, Engines: "faults"}}
	s.judge.Database, err = engines.Matcher.(*faultyMatcher).Matcher.Database()
	require.NoError(t, err)
	s.handler, err = admission.New(s.judge, admission.WithStore(memory), admission.WithLimits(admission.Limits{Checks: 24}))
	require.NoError(t, err)
	s.server = httptest.NewServer(s.handler)
	t.Cleanup(func() { s.server.Close(); s.handler.Close() })
	return s
}

// ask demands an answer in time: a little before the client gives up.
func (s *faultyServer) ask(reference string) (imagepolicyv1.ImageReviewStatus, error) {
	asked := imagepolicyv1.ImageReview{TypeMeta: metav1.TypeMeta{APIVersion: "imagepolicy.k8s.io/v1alpha1", Kind: "ImageReview"}}
	asked.Spec.Namespace = "default"
	asked.Spec.Containers = []imagepolicyv1.ImageReviewContainerSpec{{Image: reference}}
	body, err := json.Marshal(asked)
	if err != nil {
		return asked.Status, err
	}
	response, err := http.Post(s.server.URL+"/imagepolicy?timeout=30s", "application/json", bytes.NewReader(body))
	if err != nil {
		return asked.Status, err
	}
	defer func() { _ = response.Body.Close() }()
	var answered imagepolicyv1.ImageReview
	if response.StatusCode != http.StatusOK {
		return answered.Status, fmt.Errorf("status %d", response.StatusCode)
	}
	if err := json.NewDecoder(response.Body).Decode(&answered); err != nil {
		return answered.Status, err
	}
	if answered.TypeMeta != asked.TypeMeta {
		return answered.Status, fmt.Errorf("it is a %s", answered.TypeMeta)
	}
	return answered.Status, nil
}

// faultyBackend fails, forgets, cuts short, flips bits and mixes entries up.
type faultyBackend struct {
	mu      sync.Mutex
	entries map[string][]byte
	last    []byte
	random  *rand.Rand
}

var errDown = errors.New("the store is down")

func (b *faultyBackend) Get(_ context.Context, name string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	entry, ok := b.entries[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	entry = bytes.Clone(entry)
	switch b.random.IntN(10) {
	case 0:
		return nil, errDown
	case 1, 2, 3:
		return nil, fs.ErrNotExist
	case 4:
		return entry[:b.random.IntN(len(entry))], nil
	case 5:
		entry[b.random.IntN(len(entry))] ^= 1 << b.random.IntN(8)
	case 6:
		return bytes.Clone(b.last), nil
	}
	return entry, nil
}

func (b *faultyBackend) Put(_ context.Context, name string, content io.Reader, _ int64) error {
	entry, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.random.IntN(10) == 0 {
		return errDown
	}
	b.entries[name], b.last = entry, entry
	return nil
}

// faultyMatcher is a database that cannot be read now and then.
type faultyMatcher struct {
	gate.Matcher

	mu     sync.Mutex
	random *rand.Rand
}

var errCorrupt = errors.New("database disk image is malformed")

func (m *faultyMatcher) fails() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.random.IntN(15) == 0
}

func (m *faultyMatcher) Match(ctx context.Context, document *sbom.Document) ([]sbom.Vulnerability, error) {
	if m.fails() {
		return nil, errCorrupt
	}
	return m.Matcher.Match(ctx, document)
}

func (m *faultyMatcher) Database() (*sbom.Database, error) {
	if m.fails() {
		return nil, errCorrupt
	}
	return m.Matcher.Database()
}
