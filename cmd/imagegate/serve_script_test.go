package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/assert"
	imagepolicyv1 "k8s.io/api/imagepolicy/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// running is a server that a script has started.
type running struct {
	cmd    *exec.Cmd
	stderr *watchedBuffer
	base   string // address
}

// watchedBuffer tells when what was written holds an address.
type watchedBuffer struct {
	mu      sync.Mutex
	buffer  bytes.Buffer
	address chan string
	told    bool
}

var listening = regexp.MustCompile(`"msg":"listening","address":"([^"]+)","for":"reviews"`)

func (b *watchedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buffer.Write(p)
	if m := listening.FindSubmatch(b.buffer.Bytes()); m != nil && !b.told {
		b.told = true
		b.address <- string(m[1])
	}
	return len(p), nil
}

func (b *watchedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// start runs a server until stop, or until the script ends.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: start COMMAND ARG…")
	}
	path, ok := lookInPath(ts.Getenv("PATH"), args[0])
	if !ok {
		ts.Fatalf("there is no command %s", args[0])
	}
	r := &running{cmd: exec.Command(path, args[1:]...), stderr: &watchedBuffer{address: make(chan string, 1)}}
	r.cmd.Dir, r.cmd.Stderr = ts.MkAbs("."), r.stderr
	for _, name := range []string{"PATH", "HOME", "IMAGEGATE_CACHE_DIR", "DOCKER_CONFIG", "TMPDIR"} {
		r.cmd.Env = append(r.cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(r.cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- r.cmd.Wait() }()
	ts.Defer(func() { _ = r.cmd.Process.Kill() })
	select {
	case address := <-r.stderr.address:
		r.base = "http://" + address
	case err := <-ended:
		ts.Fatalf("it ended: %v\n%s", err, r.stderr)
	}
	of(ts).server, of(ts).ended = r, ended
}

func lookInPath(path, name string) (string, bool) {
	for dir := range strings.SplitSeq(path, string(os.PathListSeparator)) {
		if info, err := os.Stat(dir + "/" + name); err == nil && info.Mode().IsRegular() {
			return dir + "/" + name, true
		}
	}
	return "", false
}

// stop sends SIGTERM and demands an exit code; what the server logged is stderr.
func stop(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	w := of(ts)
	ts.Check(w.server.cmd.Process.Signal(syscall.SIGTERM))
	if err := <-w.ended; err != nil && w.server.cmd.ProcessState == nil {
		ts.Fatalf("waiting for it: %v", err)
	}
	if got := w.server.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, not %d:\n%s", got, want, w.server.stderr)
	}
	// So that stderr of testscript shows it.
	ts.Check(os.WriteFile(ts.MkAbs("server.log"), []byte(w.server.stderr.String()), 0o600))
	ts.Check(ts.Exec("sh", "-c", "cat server.log >&2"))
}

// post asks for a review of images, and shows the answer.
func post(ts *testscript.TestScript, _ bool, args []string) {
	show(ts, ask(ts, args[0], args[1:]))
}

// fetch shows what is at a path.
func fetch(ts *testscript.TestScript, _ bool, args []string) { show(ts, ask(ts, args[0], nil)) }

// await asks until the answer matches.
func await(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[1])
	var last []byte
	ok := assert.Eventually(of(ts).t, func() bool {
		last = ask(ts, args[0], args[2:])
		return pattern.Match(last)
	}, time.Minute, 20*time.Millisecond)
	if !ok {
		ts.Fatalf("it never says %s, but\n%s\n%s", args[1], last, of(ts).server.stderr)
	}
	show(ts, last)
}

// ask fetches a path, or asks it for a review of images.
func ask(ts *testscript.TestScript, path string, images []string) []byte {
	asked := imagepolicyv1.ImageReview{TypeMeta: metav1.TypeMeta{APIVersion: "imagepolicy.k8s.io/v1alpha1", Kind: "ImageReview"}}
	asked.Spec.Namespace = "default"
	for _, image := range images {
		asked.Spec.Containers = append(asked.Spec.Containers, imagepolicyv1.ImageReviewContainerSpec{Image: image})
	}
	var response *http.Response
	var err error
	if len(images) == 0 {
		response, err = http.Get(of(ts).server.base + path)
	} else {
		body, encoded := json.Marshal(asked)
		ts.Check(encoded)
		response, err = http.Post(of(ts).server.base+path+"?timeout=30s", "application/json", bytes.NewReader(body))
	}
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	ts.Check(err)
	return answer
}

// show makes an answer what stdout of testscript looks at.
func show(ts *testscript.TestScript, answer []byte) {
	ts.Check(os.WriteFile(ts.MkAbs("answer"), answer, 0o600))
	ts.Check(ts.Exec("cat", "answer"))
}
