//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a program that runs beside the test and ends with it.
type process struct {
	name  string
	log   string // file
	cmd   *exec.Cmd
	ended chan struct{}
}

// start runs a program in a folder; what it prints goes into a file there.
func start(t *testing.T, folder string, env []string, path string, args ...string) *process {
	t.Helper()
	name := filepath.Base(path)
	p := &process{name: name, log: filepath.Join(folder, name+".log"), cmd: exec.Command(path, args...), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer func() { _ = log.Close() }()
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = folder, log, log
	p.cmd.Env = append(os.Environ(), env...)
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.ended)
	}()
	t.Cleanup(func() { p.stop(syscall.SIGTERM) })
	return p
}

// stop ends a program and waits until it has ended.
func (p *process) stop(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(signal) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// tail is the end of what a program has printed.
func (p *process) tail() string {
	content, _ := os.ReadFile(p.log)
	return string(content[max(0, len(content)-6000):])
}

// await asks again and again until there is no error.
func (p *process) await(t *testing.T, what string, ask func() error) {
	t.Helper()
	err := eventually(30*time.Second, func() error {
		select {
		case <-p.ended:
			t.Fatalf("%s has ended:\n%s", p.name, p.tail())
		default:
		}
		return ask()
	})
	require.NoError(t, err, "%s: %s\n%s", p.name, what, p.tail())
}

// eventually asks again and again until there is no error, or no time.
func eventually(within time.Duration, ask func() error) error {
	deadline := time.Now().Add(within)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %w", within, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// freePort is a port on loopback that nobody had a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}
