package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	imagepolicyv1 "k8s.io/api/imagepolicy/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// server is the process that is measured, and how it is asked.
type server struct {
	cmd    *exec.Cmd
	base   string
	client *http.Client
	log    *os.File
}

// startServer builds a database and serves with it, on a free port.
func startServer(ctx context.Context, o options, w *world) (*server, error) {
	cache := filepath.Join(o.out, "cache")
	if err := os.RemoveAll(cache); err != nil {
		return nil, err
	}
	trust, err := writeCertificates(o.out)
	if err != nil {
		return nil, err
	}
	built, err := exec.CommandContext(ctx, o.gate, "db", "build", "-q", "--cache-dir", cache, "--from", "examples/demo/advisories").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("building a database: %w: %s", err, built)
	}
	in := func(name string) string { return filepath.Join(o.out, name) }
	s := &server{cmd: exec.Command(o.gate, "serve", "--cache-dir", cache, "--listen", "127.0.0.1:0", "--offline", "--allow-private", "127.0.0.1",
		"--tls-cert", in("tls.crt"), "--tls-key", in("tls.key"), "--client-ca", in("ca.pem"), "--client-name", "kube-apiserver",
		"--key", in("cosign.pub"), "--insecure-ignore-tlog", "--max-verdicts", strconv.Itoa(2*o.images), "--max-waiting", strconv.Itoa(4*o.together))}
	if s.log, err = os.Create(in("serve.log")); err != nil {
		return nil, err
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
	return s, s.await(stderr)
}

var listening = regexp.MustCompile(`"msg":"listening","address":"([^"]+)"`)

// await reads where it listens; the rest of the log goes to a file.
func (s *server) await(stderr io.Reader) error {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintln(s.log, lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			s.base = "https://" + m[1]
			go func() { _, _ = io.Copy(s.log, stderr) }() // it ends with the server
			return nil
		}
	}
	return errors.New("it ended, see its log " + s.log.Name())
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait() // what it has measured is measured
	_ = s.log.Close()
}

// ask asks about one image, and demands that it is allowed.
func (s *server) ask(ctx context.Context, image string) error {
	review := imagepolicyv1.ImageReview{TypeMeta: metav1.TypeMeta{APIVersion: "imagepolicy.k8s.io/v1alpha1", Kind: "ImageReview"}}
	review.Spec.Namespace = "default"
	review.Spec.Containers = []imagepolicyv1.ImageReviewContainerSpec{{Image: image}}
	body, err := json.Marshal(review)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/imagepolicy?timeout=30s", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if err := json.NewDecoder(response.Body).Decode(&review); err != nil {
		return err
	}
	if !review.Status.Allowed {
		return fmt.Errorf("%s was not allowed: %s", image, review.Status.Reason)
	}
	return nil
}

// metric is a number that the server says of itself; of several with that beginning,
// their sum.
func (s *server) metric(ctx context.Context, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	sum := 0.0
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			fields := strings.Fields(rest)
			if value, err := strconv.ParseFloat(fields[len(fields)-1], 64); err == nil {
				sum += value
			}
		}
	}
	return sum, lines.Err()
}

// memory is what the process has in memory, now and at its peak, in MiB (Linux).
func (s *server) memory() (now, peak int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kilobytes, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			now = kilobytes >> 10
		case "VmHWM:":
			peak = kilobytes >> 10
		}
	}
	return now, peak
}
