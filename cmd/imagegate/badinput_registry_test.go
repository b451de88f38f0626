package main

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

func badRegistries() []badInput {
	breaking := func(part string, fault gatetest.Fault) func(*scene) {
		return func(s *scene) { s.good(); s.registry.Break(part, fault) }
	}
	late := func(part string, fault gatetest.Fault) func(*scene) {
		return func(s *scene) { s.timeout = time.Second; breaking(part, fault)(s) }
	}
	return []badInput{
		{"401", breaking("/manifests/", gatetest.Status(401)), policy.NotDecidable, "UNAUTHORIZED", 0},
		{"403", breaking("/manifests/", gatetest.Status(403)), policy.NotDecidable, "DENIED", 0},
		{"404", breaking("/manifests/", gatetest.Status(404)), policy.NotDecidable, "NAME_UNKNOWN", 0},
		{"429 with Retry-After", breaking("/manifests/", gatetest.Status(429, "Retry-After: 3600")), policy.NotDecidable, "TOOMANYREQUESTS", 0},
		{"429 with a Retry-After that is none", breaking("/manifests/", gatetest.Status(429, "Retry-After: -1e99")), policy.NotDecidable, "TOOMANYREQUESTS", 0},
		{"429 for a moment", breaking("/manifests/", gatetest.Times(1, gatetest.Status(429, "Retry-After: 0"))), policy.Allow, "", 0},
		{"500", breaking("/manifests/", gatetest.Status(500)), policy.NotDecidable, "UNKNOWN", 0},
		{"500 for layers", breaking("/blobs/", gatetest.Status(500)), policy.NotDecidable, "UNKNOWN", 0},
		{"error that does not end", breaking("/manifests/", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusForbidden)
			endless("", `{"errors":[{"code":"DENIED","message":"`, 1<<40)(w, r, nil)
		}), policy.NotDecidable, "403", 64 << 20},
		{"error that moves the cursor", breaking("/manifests/", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"errors":[{"code":"DENIED","message":"\u001b[2J\u001b[1;1HALLOWED\r\n"}]}`))
		}), policy.NotDecidable, "DENIED", 0},
		{"web page", breaking("/manifests/", gatetest.Page()), policy.NotDecidable, "web page", 0},
		{"web page for a layer", breaking("/blobs/", gatetest.Page()), policy.NotDecidable, "", 0},
		{"web page for the login", breaking("/v2/", gatetest.Page()), policy.NotDecidable, "web page", 0},
		{"slow manifest", late("/manifests/", gatetest.Trickle(100*time.Millisecond)), policy.NotDecidable, "deadline", 0},
		{"slow layer", late("/blobs/", gatetest.Trickle(100*time.Millisecond)), policy.NotDecidable, "deadline", 0},
		{"no answer", late("", gatetest.Hang()), policy.NotDecidable, "deadline", 0},
		{"no answer for a layer", late("/blobs/", gatetest.Hang()), policy.NotDecidable, "deadline", 0},
		{"no answer for signatures", func(s *scene) {
			s.byKey()
			late("/referrers/", gatetest.Hang())(s)
		}, policy.NotDecidable, "deadline", 0},
		{"not there", func(s *scene) { s.reference = "127.0.0.1:1/app:v1" }, policy.NotDecidable, "refused", 0},
		{"another host for its layers", func(s *scene) {
			s.good()
			storage := gatetest.NewRegistry(s.t)
			storage.Push("app:v1", namedImage(s.t, "good"))
			s.registry.Break("/blobs/", gatetest.Redirect("http://"+storage.Host()))
		}, policy.Allow, "", 0},
		{"another host with other layers", func(s *scene) {
			s.good()
			storage := gatetest.NewRegistry(s.t)
			storage.Push("app:v1", namedImage(s.t, "bad"))
			s.registry.Break("/blobs/", gatetest.Redirect("http://"+storage.Host()))
		}, policy.NotDecidable, "404", 0},
		{"redirects in circles", func(s *scene) {
			s.good()
			s.registry.Break("/manifests/", gatetest.Redirect("http://"+s.registry.Host()))
		}, policy.NotDecidable, "too many redirects", 0},
		{"plain HTTP to a public name", func(s *scene) { s.public(); s.args = nil }, policy.NotDecidable, "registry.example.com", 0},
		{"a public name, for comparison", func(s *scene) { s.public() }, policy.Allow, "", 0},
		{"redirect from a public name to a private address", func(s *scene) {
			s.public()
			s.registry.Break("/blobs/", gatetest.Redirect("http://169.254.169.254"))
		}, policy.NotDecidable, "inside address", 0},
		{"redirect from a public name to this machine", func(s *scene) {
			s.public()
			inside := gatetest.NewRegistry(s.t)
			inside.Push("app:v1", namedImage(s.t, "good"))
			s.registry.Break("/manifests/", gatetest.Redirect("http://"+inside.Host()))
		}, policy.NotDecidable, "inside address", 0},
		{"token service at a private address", func(s *scene) {
			s.public()
			s.registry.Break("/v2/", gatetest.Status(401, `WWW-Authenticate: Bearer realm="http://169.254.169.254/token",service="x"`))
		}, policy.NotDecidable, "", 0},
		{"reference that is none", func(s *scene) { s.reference = "UPPER:\x1b[2J" }, misused, "unprintable", 0},
		{"reference of a megabyte", func(s *scene) { s.reference = strings.Repeat("a/", 1<<16) }, misused, "longer than", 0},
		{"reference that looks like a flag", func(s *scene) { s.reference = "--insecure-skip-signatures=x" }, misused, "", 0},
	}
}

// public lets the registry be reached by a public name, through a proxy, by a
// process of its own: this one has read its proxies from the environment before.
func (s *scene) public() {
	s.good()
	s.reference = "registry.example.com/app:v1"
	s.args = []string{"--insecure-registry", "registry.example.com"}
	s.instead = func() outcome {
		return s.elsewhere(exec.CommandContext(s.ctx, "imagegate", s.command()...), "HTTP_PROXY=http://"+s.registry.Host())
	}
}

// elsewhere runs the command in a process of its own.
func (s *scene) elsewhere(command *exec.Cmd, environment ...string) outcome {
	var out, errs strings.Builder
	command.Stdout, command.Stderr = &out, &errs
	command.Env = append(os.Environ(), environment...)
	err := command.Run()
	if command.ProcessState == nil {
		s.t.Fatal(err)
	}
	return outcome{command.ProcessState.ExitCode(), out.String(), errs.String()}
}
