package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// lab is where everything is made and compared.
type lab struct {
	options
	table    *table
	work     string            // for what lives as long as the run
	peers    map[string]string // commands by name
	registry *site
	subjects []*subject
	stop     []func()
}

func newLab(o options) (*lab, error) {
	l := &lab{options: o, table: &table{used: map[int]bool{}}, peers: map[string]string{}}
	for _, path := range []*string{&l.gate, &l.out, &l.prepare} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	if _, err := os.Stat(l.gate); err != nil {
		return nil, fmt.Errorf("the command to compare: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(l.out, "cache"), 0o755); err != nil {
		return nil, err
	}
	var err error
	if l.work, err = os.MkdirTemp(l.out, "run-"); err != nil {
		return nil, err
	}
	l.stop = append(l.stop, func() { _ = os.RemoveAll(l.work) })
	return l, nil
}

// close ends what was started, last first.
func (l *lab) close() {
	for i := len(l.stop) - 1; i >= 0; i-- {
		l.stop[i]()
	}
}

// runs says whether the case was asked for.
func (l *lab) runs(section, name string) bool { return l.only.MatchString(section + "/" + name) }

// missingError is a tool or a package that this machine does not have: the case is
// not run.
type missingError struct{ what string }

func (e *missingError) Error() string { return e.what }

// why is the reason for a row that is not run, or empty where err is another kind
// of failure.
func why(err error) string {
	var missing *missingError
	if errors.As(err, &missing) {
		return missing.Error()
	}
	return ""
}

// tool finds a command of this machine.
func tool(name, from string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &missingError{fmt.Sprintf("%s is missing: apt-get install %s", name, from)}
	}
	return path, nil
}

// answer of a command.
type answer struct {
	out  []byte
	err  string // the last line of its standard error
	code int
}

// ask runs a command in an environment in which nothing of this machine's user,
// nor an update, has a say. Only a command that could not be run is an error.
func (l *lab) ask(ctx context.Context, command string, args ...string) (answer, error) {
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Dir = l.work
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + l.work, "TMPDIR=" + l.work, "DOCKER_CONFIG=" + l.work,
		"COSIGN_PASSWORD=", "COSIGN_DOCKER_MEDIA_TYPES=", "SIGSTORE_NO_CACHE=true",
		"SYFT_CHECK_FOR_APP_UPDATE=false", "SYFT_REGISTRY_INSECURE_USE_HTTP=true",
		"GRYPE_CHECK_FOR_APP_UPDATE=false", "GRYPE_REGISTRY_INSECURE_USE_HTTP=true",
		"GRYPE_DB_AUTO_UPDATE=false", "GRYPE_DB_VALIDATE_AGE=false",
	}, proxies()...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	a := answer{out: out.Bytes(), err: lastLine(errs.String())}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		a.code = exit.ExitCode()
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("running %s: %w", filepath.Base(command), err)
	}
	return a, nil
}

// must runs a command that has to succeed.
func (l *lab) must(ctx context.Context, command string, args ...string) ([]byte, error) {
	a, err := l.ask(ctx, command, args...)
	if err == nil && a.code != 0 {
		err = fmt.Errorf("%s %s: exit code %d: %s", filepath.Base(command), strings.Join(args, " "), a.code, a.err)
	}
	return a.out, err
}

// proxies are the settings without which package managers reach nothing behind a
// proxy.
func proxies() []string {
	var set []string
	for _, name := range os.Environ() {
		key, _, _ := strings.Cut(name, "=")
		switch strings.ToLower(key) {
		case "http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "node_extra_ca_certs":
			set = append(set, name)
		}
	}
	return set
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
