package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

// process is the command as a process of its own, that can be killed.
type process struct {
	t   *testing.T
	cmd *exec.Cmd

	read chan struct{} // closed when all of its output is
	mu   sync.Mutex
	out  bytes.Buffer
	err  bytes.Buffer
}

// begin starts a command in a folder with a cache.
func begin(t *testing.T, cache string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command("imagegate", args...), read: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "IMAGEGATE_CACHE_DIR="+cache, "DOCKER_CONFIG="+cache)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.cmd.Stderr = &p.err
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	go func() {
		defer close(p.read)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			p.out.Write(append(lines.Bytes(), '\n'))
			p.mu.Unlock()
		}
	}()
	return p
}

// text is what it has written so far.
func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// records are the results that it has written so far.
func (p *process) records() map[string]estate.Record {
	found := map[string]estate.Record{}
	for line := range strings.Lines(p.text()) {
		var r estate.Record
		if json.Unmarshal([]byte(line), &r) == nil {
			found[r.References[0]] = r
		}
	}
	return found
}

// kill is kill -9.
func (p *process) kill() {
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGKILL))
	_ = p.cmd.Wait() // killed
}

// ends waits for it and demands an exit code.
func (p *process) ends(code int) {
	p.t.Helper()
	<-p.read
	_ = p.cmd.Wait() // the code is looked at
	require.Equal(p.t, code, p.cmd.ProcessState.ExitCode(), "%s", p.err.String())
}

// killScene is a registry with some images, one of which nobody gets to the end of.
type killScene struct {
	registry *gatetest.Registry
	cache    string
	reached  chan struct{} // each time that somebody is at the slow image
}

const fastImages = 6

func newKillScene(t *testing.T) *killScene {
	t.Helper()
	s := &killScene{registry: gatetest.NewRegistry(t), cache: t.TempDir(), reached: make(chan struct{}, 100)}
	require.NoError(t, os.Symlink(filepath.Join(builtDatabase(t), "db"), filepath.Join(s.cache, "db")))
	for i := range fastImages {
		s.registry.Push(fmt.Sprintf("fast/app%d:v1", i), motdImage(t, fmt.Sprint("fast ", i)))
	}
	s.registry.Push("slow/app:v1", motdImage(t, "slow"))
	s.registry.Break("/slow/app/blobs/", func(_ http.ResponseWriter, request *http.Request, _ http.Handler) {
		s.reached <- struct{}{}
		<-request.Context().Done()
	})
	return s
}

// motdImage is an image that a strict policy allows, and that no other is like.
func motdImage(t *testing.T, motd string) v1.Image {
	return gatetest.Image(t, v1.ConfigFile{Config: v1.Config{User: "10001:10001", Entrypoint: []string{"/app"}}},
		gatetest.Layer(t, gatetest.Gzip, gatetest.Files(map[string]string{
			"etc/passwd": passwd, "app": gatetest.Program(), "etc/os-release": debianRelease, "etc/motd": motd,
			"var/lib/dpkg/status.d/base": goodPackages,
		})...))
}

// scan is the command line that scans all of it.
func (s *killScene) scan(flags ...string) []string {
	return append([]string{"scan", s.registry.Host() + "/fast/**", s.registry.Host() + "/slow/**"}, flags...)
}

// TestScanKilled kills the process that scans, embedded queue and all, and goes on.
func TestScanKilled(t *testing.T) {
	t.Parallel()
	s := newKillScene(t)
	first := begin(t, s.cache, s.scan("--insecure-skip-signatures", "--parallel", "2", "--ack-wait", "2s", "-o", "jsonl")...)
	<-s.reached
	require.Eventually(t, func() bool { return len(first.records()) == fastImages }, time.Minute, 10*time.Millisecond)
	first.kill()
	judged := first.records()

	s.registry.Mend()
	s.registry.Forget()
	second := begin(t, s.cache, "scan", "--resume", "latest", "--insecure-skip-signatures", "--parallel", "2", "-o", "jsonl")
	second.ends(exitAllowed)
	found := second.records()
	require.Len(t, found, fastImages+1)
	for name, r := range judged {
		require.Equal(t, r, found[name], "what was judged before is what it was")
	}
	require.Equal(t, policy.Allow, found[s.registry.Host()+"/slow/app:v1"].Verdict)
	require.Zero(t, s.registry.Count("/fast/app0/blobs/"), "what was judged is not read again")
}

// elsewhere is a NATS server that is none of the processes.
func elsewhere(t *testing.T) string {
	t.Helper()
	nats, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	require.NoError(t, err)
	nats.Start()
	require.True(t, nats.ReadyForConnections(time.Minute))
	t.Cleanup(func() { nats.Shutdown(); nats.WaitForShutdown() })
	return nats.ClientURL()
}

// TestWorkerKilled kills workers elsewhere while they judge: another takes over, and
// the fourth says that three were killed.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	for deaths, verdict := range map[int]policy.Decision{1: policy.Allow, 3: policy.NotDecidable} {
		t.Run(fmt.Sprint(deaths), func(t *testing.T) {
			t.Parallel()
			s, nats := newKillScene(t), elsewhere(t)
			worker := func(name string) *process {
				return begin(t, s.cache, "worker", "--nats", nats, "--insecure-skip-signatures", "--name", name, "--parallel", "2")
			}
			scanner := begin(t, s.cache, s.scan("--nats", nats, "--parallel", "0",
				"--insecure-skip-signatures", "--ack-wait", "2s", "-o", "jsonl")...)
			for i := range deaths {
				victim := worker(fmt.Sprint("victim-", i))
				<-s.reached
				victim.kill()
			}
			s.registry.Mend()
			last := worker("last")
			scanner.ends(verdictCode(verdict))
			found := scanner.records()
			require.Len(t, found, fastImages+1)
			slow := found[s.registry.Host()+"/slow/app:v1"]
			require.Equal(t, verdict, slow.Verdict)
			require.Equal(t, "last", slow.Worker)
			if deaths == 3 {
				require.Contains(t, slow.Error, "parked: 3 workers ended")
			}
			require.NoError(t, last.cmd.Process.Signal(os.Interrupt))
			last.ends(exitAllowed)
		})
	}
}

// TestScanInterrupted: Ctrl-C ends it in order, and says how to go on; meanwhile
// another terminal looks at it and a third ends it.
func TestScanInterrupted(t *testing.T) {
	t.Parallel()
	s := newKillScene(t)
	first := begin(t, s.cache, s.scan("--insecure-skip-signatures", "--tags", "v.*", "--parallel", "2", "-o", "jsonl")...)
	<-s.reached
	require.Eventually(t, func() bool { return len(first.records()) == fastImages }, time.Minute, 10*time.Millisecond)
	require.NoError(t, first.cmd.Process.Signal(os.Interrupt))
	first.ends(exitUndecided)
	require.Regexp(t, `imagegate: scan \S+: interrupted; 6 of 7 judged\nhint: imagegate scan --resume \S+ --insecure-skip-signatures=true --output jsonl --parallel=2\n`, first.err.String())

	second := begin(t, s.cache, "scan", "--resume", "latest", "--insecure-skip-signatures", "-o", "jsonl")
	<-s.reached
	status := begin(t, s.cache, "scan", "status", "--json")
	status.ends(exitAllowed)
	require.Contains(t, status.text(), `"state":"running"`)
	begin(t, s.cache, "scan", "cancel").ends(exitAllowed)
	second.ends(exitUndecided)
	require.Contains(t, second.err.String(), "was cancelled")
}
