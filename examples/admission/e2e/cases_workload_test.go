//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// workloads are told when they are applied, and not by events of what they make.
func workloads(g *group) {
	s := g.scene
	bad := s.images.ref("unsigned")
	for _, c := range []struct {
		what string
		args []string
	}{
		{"Deployment", []string{"create", "deployment", "web", "--image=" + bad}},
		{"Job", []string{"create", "job", "once", "--image=" + bad}},
		{"CronJob", []string{"create", "cronjob", "nightly", "--schedule=0 3 * * *", "--image=" + bad}},
	} {
		g.refused(c.what+" of an unsigned image", "", []string{"validate.imagegate.dev", "/unsigned@", "signature"}, c.args...)
	}
	g.admitted("Deployment of a good image", "", nil, "create", "deployment", "web", "--image="+s.images.ref("good"))
	g.refused("Deployment gets a bad image", "", []string{"/shell@", "content.shells"}, "set", "image", "deployment/web", "good="+s.images.ref("shell"))
	g.admitted("Deployment is scaled", "", nil, "scale", "deployment/web", "--replicas=3")
	s.cluster.must("", "delete", "deployment", "web")
}

// breakGlass lets refused images run by a signed word that expires.
func breakGlass(g *group) {
	s := g.scene
	digest, bad := s.images.digests["unsigned"], s.images.ref("unsigned")
	apply := []string{"create", "--namespace=shop", "-f", "-"}
	g.admitted("valid", s.manifest(s.gate.token(digest, "shop", "1h"), container(bad)), nil, apply...)
	g.admitted("valid, for a tag", s.manifest(s.gate.token(digest, "shop", "1h"), container(s.images.tag("unsigned"))), nil, apply...)

	short := s.gate.token(digest, "shop", "1s")
	time.Sleep(1100 * time.Millisecond) // what is waited for is the time itself
	for _, c := range []struct{ what, token, why string }{
		{"expired", short, "expired"},
		{"for another digest", s.gate.token(s.images.digests["shell"], "shop", "1h"), "it is for sha256:"},
		{"for another namespace", s.gate.token(digest, "bank", "1h"), "it is for the namespace bank"},
		{"free text", "the boss said so", "token"},
		{"signed by a stranger", s.gate.strangersToken(digest), "none of the 1 keys"},
	} {
		g.refused(c.what, s.manifest(c.token, container(bad)), []string{"signature", c.why}, apply...)
	}
	g.refused("covers one image of two", s.manifest(s.gate.token(digest, "shop", "1h"), container(bad), container(s.images.ref("root"))),
		[]string{"/root@", "config.nonRoot"}, apply...)
	g.holds("the cluster's audit log names owner and reason", "ana@example.com, INC-4711", s.audited("ana@example.com", "INC-4711", digest))
	g.holds("its use is counted", "imagegate_breakglass_total", s.gate.told("/metrics", `imagegate_breakglass_total{result="used"}`))
}

// strangersToken is signed by a key that the gate was not given.
func (s *server) strangersToken(digest string) string {
	s.t.Helper()
	run(s.t, s.folder, s.imagegate, "breakglass", "keygen", "stranger")
	return run(s.t, s.folder, s.imagegate, "breakglass", "sign", "--key=stranger.key", "--digest="+digest, "--namespace=shop",
		"--owner=eve", "--reason=none", "--for=1h")
}

// audited looks for an audit record with an annotation that says all these words.
func (s *scene) audited(words ...string) error {
	file, err := os.Open(filepath.Join(s.cluster.folder, "audit.log"))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct{ Annotations map[string]string }
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return err
		}
		var all strings.Builder
		for key, value := range event.Annotations {
			fmt.Fprintln(&all, key, value)
		}
		if said(all.String(), words) {
			return nil
		}
	}
	return fmt.Errorf("no record says %q", words)
}
