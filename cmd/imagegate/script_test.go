package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	sigstoretest "github.com/imagegate/imagegate/gate/gatetest/sigstore"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"imagegate": func() { os.Exit(run()) }})
}

// TestScript runs the promises of the command line, one file each. A script has a
// registry of its own ($REGISTRY), a database ($IMAGEGATE_CACHE_DIR) and these
// commands beside those of testscript:
//
//	exits N COMMAND ARG…        runs a command and demands its exit code
//	push IMAGE NAME:TAG         pushes one of the images of images_test.go
//	sign NAME:TAG [FORM]        signs with the key whose half is cosign.pub
//	sign-keyless NAME:TAG SUBJECT ISSUER
//	break PATH STATUS           answers with a status for paths that contain PATH
//	break-once METHOD PATH STATUS
//	mend                        takes all faults away
//	serve FOLDER                serves a folder at $WWW
//	start COMMAND ARG…          starts a server that logs where it listens
//	post PATH IMAGE…            asks that server for a review of images
//	fetch PATH                  shows what that server has at a path
//	await PATH PATTERN IMAGE…   asks until the answer matches
//	stop N                      sends it SIGTERM and demands its exit code
//	layout IMAGE FOLDER         writes an image as an OCI layout
//	archive IMAGE FILE          writes an image as docker save does
//	moves NAME:TAG IMAGE        moves the tag as soon as a blob is read
//	writes N                    demands that the registry was asked for N changes
//	requests N [PATH]           demands N requests for paths that contain PATH since
//	                            forget, or since the script began
//	forget                      counts from here
//	spoil cut|edit|replace      damages every entry of the cache
//	same FILE FILE              demands equal JSON reports, but for times and what was
//	                            remembered
//	readonly, writable FOLDER   lets nobody write into a folder, or again
func TestScript(t *testing.T) {
	cache := builtDatabase(t)
	advisories, err := filepath.Abs(filepath.Join("..", "..", "examples", "demo", "advisories"))
	require.NoError(t, err)
	ci, err := filepath.Abs(filepath.Join("..", "..", "examples", "ci"))
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			w, err := newWorld(env.T().(testing.TB))
			if err != nil {
				return err
			}
			env.Values[worldKey{}] = w
			env.Setenv("REGISTRY", w.registry.Host())
			env.Setenv("IMAGEGATE_CACHE_DIR", filepath.Join(env.WorkDir, ".cache"))
			env.Setenv("ADVISORIES", advisories)
			env.Setenv("CI_EXAMPLES", ci)
			env.Setenv("DOCKER_CONFIG", env.WorkDir)
			return errors.Join(w.write(env.WorkDir), ownCache(env.WorkDir, cache))
		},
		Condition: func(condition string) (bool, error) {
			if condition == "root" { // whom no mode keeps out
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", condition)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":        exits,
			"push":         push,
			"sign":         sign,
			"sign-keyless": signKeyless,
			"break":        breakPath,
			"break-once":   breakOnce,
			"mend":         func(ts *testscript.TestScript, _ bool, _ []string) { of(ts).registry.Mend() },
			"serve":        serve,
			"start":        start,
			"stop":         stop,
			"post":         post,
			"fetch":        fetch,
			"await":        await,
			"layout":       writeLayout,
			"archive":      writeArchive,
			"moves":        movesTag,
			"writes":       writes,
			"requests":     requests,
			"spoil":        spoil,
			"same":         sameReports,
			"readonly":     func(ts *testscript.TestScript, _ bool, args []string) { setReadOnly(ts, args[0], true) },
			"writable":     func(ts *testscript.TestScript, _ bool, args []string) { setReadOnly(ts, args[0], false) },
			"forget":       func(ts *testscript.TestScript, _ bool, _ []string) { of(ts).registry.Forget() },
		},
	})
}

// builtDatabase builds one database for all scripts, with the command itself.
func builtDatabase(t *testing.T) string {
	t.Helper()
	cache := t.TempDir()
	var out bytes.Buffer
	code := execute(t.Context(), []string{"db", "build", "--db", filepath.Join(cache, "db"),
		"--from", filepath.Join("..", "..", "examples", "demo", "advisories")}, console{out: &out, err: &out})
	require.Equal(t, exitAllowed, code, out.String())
	return cache
}

// ownCache gives a script a memory of its own, beside the database of all.
func ownCache(dir, shared string) error {
	own := filepath.Join(dir, ".cache")
	return errors.Join(os.Mkdir(own, 0o700), os.Symlink(filepath.Join(shared, "db"), filepath.Join(own, "db")))
}

type worldKey struct{}

// world is what one script's commands act on.
type world struct {
	t        testing.TB
	registry *gatetest.Registry
	key      *sigstoretest.Key
	other    *sigstoretest.Key
	sigstore *sigstoretest.World
	server   *running   // that start started
	ended    chan error // when it ended
}

func newWorld(t testing.TB) (*world, error) {
	key, err := sigstoretest.NewKey()
	if err != nil {
		return nil, err
	}
	other, err := sigstoretest.NewKey()
	if err != nil {
		return nil, err
	}
	sigstore, err := sigstoretest.New()
	if err != nil {
		return nil, err
	}
	return &world{t: t, registry: gatetest.NewRegistry(t), key: key, other: other, sigstore: sigstore}, nil
}

// write puts keys where a script finds them.
func (w *world) write(dir string) error {
	private, err := w.key.EncryptedPEM("sesame")
	if err != nil {
		return err
	}
	elsewhere, err := sigstoretest.New()
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "cosign.key"), private, 0o600),
		os.WriteFile(filepath.Join(dir, "cosign.pub"), w.key.PublicPEM(), 0o600),
		os.WriteFile(filepath.Join(dir, "other.pub"), w.other.PublicPEM(), 0o600),
		os.WriteFile(filepath.Join(dir, "trusted_root.json"), w.sigstore.TrustedRoot(), 0o600),
		os.WriteFile(filepath.Join(dir, "other_root.json"), elsewhere.TrustedRoot(), 0o600),
	)
}

func of(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

func push(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	if args[0] == "index" {
		w.registry.Push(args[1], indexImage(w.t))
		return
	}
	w.registry.Push(args[1], namedImage(w.t, args[0]))
}

func sign(ts *testscript.TestScript, _ bool, args []string) {
	form := sigstoretest.Classic
	if len(args) > 1 {
		form = sigstoretest.Form(args[1])
	}
	of(ts).attach(ts, args[0], of(ts).key, form, sigstoretest.WithoutLog())
}

func signKeyless(ts *testscript.TestScript, _ bool, args []string) {
	of(ts).attach(ts, args[0], sigstoretest.Identity{Subject: args[1], Issuer: args[2]}, sigstoretest.Bundle)
}

// attach signs what a tag means now and puts the signature beside it.
func (w *world) attach(ts *testscript.TestScript, tag string, by sigstoretest.Signer, form sigstoretest.Form, options ...sigstoretest.Option) {
	reference, err := name.ParseReference(w.registry.Host() + "/" + tag)
	ts.Check(err)
	descriptor, err := remote.Head(reference)
	ts.Check(err)
	artifact, err := w.sigstore.Sign(descriptor.Digest.String(), by, form, options...)
	ts.Check(err)
	subject := v1.Descriptor{MediaType: descriptor.MediaType, Digest: descriptor.Digest, Size: descriptor.Size}
	ts.Check(sigstoretest.Push(reference.Context(), subject, []sigstoretest.Artifact{artifact}))
}

func breakPath(ts *testscript.TestScript, _ bool, args []string) {
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	of(ts).registry.Break(args[0], gatetest.Status(status))
}

func serve(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs(args[0]))))
	ts.Defer(server.Close)
	ts.Setenv("WWW", server.URL+"/v6/latest.json")
}

// requests counts what the registry was asked for.
func requests(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	part := ""
	if len(args) > 1 {
		part = args[1]
	}
	if got := of(ts).registry.Count(part); got != want {
		ts.Fatalf("%d requests for %q, not %d: %+v", got, part, want, of(ts).registry.Requests())
	}
}

// spoil damages every entry of the cache: cuts it short, flips a bit, or puts the
// entry of another key in its place.
func spoil(ts *testscript.TestScript, _ bool, args []string) {
	entries, err := filepath.Glob(filepath.Join(ts.Getenv("IMAGEGATE_CACHE_DIR"), "store", "??", "*"))
	ts.Check(err)
	if len(entries) < 2 {
		ts.Fatalf("%d entries to spoil", len(entries))
	}
	last, err := os.ReadFile(entries[len(entries)-1])
	ts.Check(err)
	for i, entry := range entries {
		content, err := os.ReadFile(entry)
		ts.Check(err)
		switch args[0] {
		case "cut":
			content = content[:len(content)/2]
		case "edit":
			content[len(content)/2+i%8] ^= 1
		case "replace":
			content, last = last, content // each has its neighbour's
		}
		ts.Check(os.WriteFile(entry, content, 0o600))
	}
}

// sameReports compares what may not depend on what was remembered.
func sameReports(ts *testscript.TestScript, _ bool, args []string) {
	var reports [2]map[string]any
	for i := range reports {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[i])), &reports[i]))
		for _, result := range reports[i]["results"].([]any) {
			delete(result.(map[string]any), "timings")
			delete(result.(map[string]any), "cache")
		}
	}
	if !assert.ObjectsAreEqual(reports[0], reports[1]) {
		one, _ := json.MarshalIndent(reports[0], "", "  ")
		two, _ := json.MarshalIndent(reports[1], "", "  ")
		require.Equal(of(ts).t, string(one), string(two))
	}
}

// setReadOnly changes the mode of a folder and of all below it.
func setReadOnly(ts *testscript.TestScript, folder string, readOnly bool) {
	if os.Getuid() == 0 {
		ts.Fatalf("modes keep nothing from the superuser: guard this with [!root]")
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if readOnly {
			return os.Chmod(path, 0o500)
		}
		return os.Chmod(path, 0o700)
	}))
	ts.Defer(func() { _ = os.Chmod(ts.MkAbs(folder), 0o700) })
}
