package image

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// defaultEngine is where a Docker engine listens on Linux.
const defaultEngine = "unix:///var/run/docker.sock"

func engineFromEnvironment() string { return cmp.Or(os.Getenv("DOCKER_HOST"), defaultEngine) }

// openEngineImage asks a Docker engine for an image and reads it as what it is, an
// archive of `docker save`. It passes through one temporary file without a name:
// the archive lists its layers only at the end.
func openEngineImage(ctx context.Context, address string, l location, limits Limits) (document, source, error) {
	engine, err := newEngine(address)
	if err != nil {
		return document{}, nil, err
	}
	file, err := engine.save(ctx, l.name, limits.EngineBytes)
	if err != nil {
		return document{}, nil, err
	}
	files, err := indexArchive(ctx, file, limits)
	if err != nil {
		_ = file.Close() // the reason is err
		return document{}, nil, err
	}
	return selectFromDocker(ctx, files, l, limits)
}

// engine is the one call that is needed of the Docker Engine API (ImageGet).
type engine struct {
	address string
	base    string
	client  http.Client
}

func newEngine(address string) (*engine, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, unsupportedEngine(address)
	}
	e := &engine{address: address, base: "http://" + at.Host}
	transport := &http.Transport{DisableCompression: true, ResponseHeaderTimeout: headerTime}
	switch {
	case at.Scheme == "unix":
		e.base = "http://docker"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "unix", at.Path)
		}
	case at.Scheme == "tcp" && isLoopback(at.Hostname()):
	default:
		return nil, unsupportedEngine(address)
	}
	e.client.Transport = transport
	return e, nil
}

func unsupportedEngine(address string) error {
	return (&refused{message: fmt.Sprintf("the Docker engine at %s cannot be asked", printable(address))}).
		advising("set DOCKER_HOST to unix:///path or tcp://localhost:port, or use `docker save` and docker-archive:FILE")
}

// save writes what the engine sends into a temporary file that is already deleted,
// so that nothing is left over however the process ends.
func (e *engine) save(ctx context.Context, image string, limit int64) (*os.File, error) {
	body, err := e.get(ctx, "/images/"+image+"/get")
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	file, err := os.CreateTemp("", "imagegate-engine-*.tar")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // where open files cannot be removed, it stays until the system cleans up
	n, err := io.Copy(file, io.LimitReader(body, limit+1))
	if err == nil && n > limit {
		err = overLimit("EngineBytes", limit, "the image in the engine")
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close() // the reason is err
		return nil, err
	}
	return file, nil
}

func (e *engine) get(ctx context.Context, path string) (io.ReadCloser, error) {
	address, err := url.Parse(e.base)
	if err != nil {
		return nil, err
	}
	address.Path = path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := e.client.Do(request)
	if err != nil {
		return nil, e.unreachable(err)
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }()
	return nil, e.statusOf(response)
}

// unreachable is the usual case: there is no engine, or we may not speak to it.
func (e *engine) unreachable(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		return &engineError{
			message:   fmt.Sprintf("no Docker engine answers at %s: %v", printable(e.address), operation.Err),
			remedy:    "start it, set DOCKER_HOST, or check who may use its socket; without an engine use docker-archive:FILE",
			transient: true,
		}
	}
	return err
}

func (e *engine) statusOf(response *http.Response) error {
	var said struct {
		Message string `json:"message"`
	}
	_ = json.NewDecoder(io.LimitReader(response.Body, 64*kib)).Decode(&said) // the status says enough
	err := &engineError{
		message:   fmt.Sprintf("the Docker engine answered %s: %s", response.Status, said.Message),
		transient: response.StatusCode >= http.StatusInternalServerError,
	}
	if response.StatusCode == http.StatusNotFound || strings.Contains(said.Message, "No such image") {
		err.transient = false
		err.remedy = "pull or build the image first, or check the name with `docker image ls`"
	}
	return err
}

// engineError is a failure of the engine, not of the image in it.
type engineError struct {
	message, remedy string
	transient       bool
}

func (e *engineError) Error() string   { return e.message }
func (e *engineError) Remedy() string  { return e.remedy }
func (e *engineError) Transient() bool { return e.transient }
