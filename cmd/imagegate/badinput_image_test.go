package main

import (
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
)

// namesAllowed is restricted, but a user may be named by name.
const namesAllowed = `apiVersion: imagegate.dev/v1
kind: Policy
metadata: {name: names}
extends: restricted
config: {numericUser: allow}
`

func badImages() []badInput {
	user := func(name, passwd string) func(*scene) {
		return func(s *scene) {
			s.policy = s.file("policy.yaml", []byte(namesAllowed))
			s.byName(name, func(files map[string]string) { files["etc/passwd"] = passwd })
		}
	}
	return []badInput{
		{"Windows", func(s *scene) {
			s.push(gatetest.WithConfig(s.t, namedImage(s.t, "good"), func(c *v1.ConfigFile) { c.OS, c.OSVersion = "windows", "10.0.20348.1" }))
		}, policy.NotDecidable, "Windows", 0},
		{"no platform at all", func(s *scene) {
			s.push(gatetest.WithConfig(s.t, namedImage(s.t, "good"), func(c *v1.ConfigFile) { c.OS, c.Architecture = "", "" }))
		}, policy.Allow, "", 0},
		{"unknown distribution", func(s *scene) { s.push(namedImage(s.t, "strange")) }, policy.NotDecidable, "acme", 0},
		{"packages, but no os-release", func(s *scene) {
			s.files(func(f map[string]string) { delete(f, "etc/os-release") })
		}, policy.NotDecidable, "no os-release", 0},
		{"os-release of another distribution than the packages", func(s *scene) {
			s.files(func(f map[string]string) { f["etc/os-release"] = "ID=alpine\nVERSION_ID=3.20.0\n" })
		}, policy.NotDecidable, "", 0},
		{"os-release of 30,000 lines", func(s *scene) {
			s.files(func(f map[string]string) {
				f["etc/os-release"] = strings.Repeat("ID=debian\n", 30_000) + "VERSION_ID=12\n"
			})
		}, policy.Allow, "", 0},
		{"package database cut off", func(s *scene) {
			s.files(func(f map[string]string) { f["var/lib/dpkg/status"] = oldPackages[:len(oldPackages)-60] })
		}, policy.Deny, "CVE", 0},
		{"package database of one line of 10 MB", func(s *scene) {
			s.files(func(f map[string]string) { f["var/lib/dpkg/status"] = "Package: " + strings.Repeat("x", 10<<20) })
		}, policy.Allow, "", 0},
		{"duplicate user, the first is root", user("app", "app:x:0:0::/:\napp:x:10001:10001::/:\n"), policy.Deny, "config.nonRoot", 0},
		{"duplicate user, the second is root", user("app", "app:x:10001:10001::/:\napp:x:0:0::/:\n"), policy.Allow, "", 0},
		{"uid that is negative", user("app", "app:x:-1:-1::/:\n"), policy.Deny, "not within", 0},
		{"uid that wraps to root", user("app", "app:x:4294967296:4294967296::/:\n"), policy.Deny, "not within", 0},
		{"uid beyond any number", user("app", "app:x:"+strings.Repeat("9", 400)+":1::/:\n"), policy.Deny, "not within", 0},
		{"uid that is no number", user("app", "app:x:root:root::/:\n"), policy.Deny, "config.nonRoot", 0},
		{"user whose name is root in other letters", user("ro\u043et", "ro\u043et:x:10001:10001::/:\n"), policy.Allow, "", 0},
		{"uid 0 by many digits", user("0000000000", passwd), policy.Deny, "config.nonRoot", 0},
		{"uid that wraps to root, in the config", user("4294967296", passwd), policy.Deny, "range", 0},
		{"negative uid in the config", user("-1", passwd), policy.Deny, "range", 0},
		{"passwd of 20 MB", user("app", strings.Repeat("a:x:1:1::/:\n", 20<<20/12)+"app:x:10001:10001::/:\n"), policy.Deny, "", 0},
		{"user with line breaks", user("app\nroot", passwd), policy.Deny, "", 0},
		{"entry point of 100,000 words", func(s *scene) {
			s.push(gatetest.WithConfig(s.t, namedImage(s.t, "good"), func(c *v1.ConfigFile) {
				c.Config.Entrypoint = append([]string{"/app"}, strings.Split(strings.Repeat("x ", 100_000), " ")...)
			}))
		}, policy.Allow, "", 0},
		{"10,000 labels and ports", func(s *scene) {
			s.push(gatetest.WithConfig(s.t, namedImage(s.t, "good"), func(c *v1.ConfigFile) {
				c.Config.Labels, c.Config.ExposedPorts = map[string]string{}, map[string]struct{}{}
				for i := range 10_000 {
					name := strings.Repeat("x", i%100) + "\x1b[2J" + string(rune('a'+i%26)) + strings.Repeat("y", i/100)
					c.Config.Labels[name], c.Config.ExposedPorts[name] = name, struct{}{}
				}
			}))
		}, policy.Allow, "", 0},
	}
}

// byName pushes an image that starts as a named user, with its files changed and
// these entries over them.
func (s *scene) byName(user string, change func(map[string]string), over ...gatetest.Entry) {
	s.t.Helper()
	files := goodFiles()
	change(files)
	config := unprivileged()
	config.Config.User = user
	s.push(gatetest.Image(s.t, config, gatetest.Layer(s.t, gatetest.Gzip, gatetest.Files(files)...), gatetest.Layer(s.t, gatetest.Gzip, over...)))
}
