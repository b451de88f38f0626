package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A program of Go asks the kernel for the time without a library that could be
// replaced, so the command is built with a time package whose clock can be stepped.
// Timers run by the monotonic clock and are as they were, as with a real step.
const (
	nowBegins = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec), sec + unixToInternal, Local}\n\t}\n\tmono -= startNano\n"
	steps     = `package time

import (
	"sync"
	"syscall"
)

// stepped is by how many seconds the clock is off, so long after the start.
func stepped(sinceStart int64) (seconds int64) {
	readStep.Do(func() {
		text, _ := syscall.Getenv("CLOCK_STEP") // AFTER,BY: "5s,-2h"
		for i := range text {
			if text[i] == ',' {
				stepAfter, _ = ParseDuration(text[:i])
				stepBy, _ = ParseDuration(text[i+1:])
			}
		}
	})
	if Duration(sinceStart) < stepAfter {
		return 0
	}
	return int64(stepBy / Second)
}

var (
	readStep          sync.Once
	stepAfter, stepBy Duration
)
`
)

// buildStepping builds the command with a clock that CLOCK_STEP steps. All of it is
// compiled anew the first time: minutes.
func buildStepping(ctx context.Context, to string) error {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(source), nowBegins, nowBegins+"\tsec += stepped(mono)\n", 1)
	if changed == string(source) {
		return errors.New("this release of Go tells the time in another way: see nowBegins")
	}
	folder, err := os.MkdirTemp("", "imagegate-clock-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	now, step, overlay := filepath.Join(folder, "time.go"), filepath.Join(folder, "step.go"), filepath.Join(folder, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: now, filepath.Join(filepath.Dir(original), "step.go"): step}})
	if err != nil {
		return err
	}
	for path, content := range map[string]string{now: changed, step: steps, overlay: string(list)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-trimpath", "-ldflags", "-s -w -X main.version=clock", "-o", to, "./cmd/imagegate")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}
