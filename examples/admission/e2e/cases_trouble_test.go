//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imagegate/imagegate/gate/gatetest"
)

// policyChanges are seen without a restart, and never by half.
func policyChanges(g *group) {
	s := g.scene
	shell := s.run(s.images.ref("shell"), "--dry-run=server")
	g.refused("before", "", []string{"content.shells"}, shell...)
	s.gate.setPolicy("content: {shells: allow}\n")
	g.holds("shells are allowed while it runs", "admitted", eventually(20*time.Second, func() error { return s.kubectlError(shell) }))
	s.gate.setPolicy("content: {shells: perhaps}\n")
	g.holds("a policy that is wrong is reported", "/readyz says so", s.gate.told("/readyz", "policy: the new one cannot be used"))
	g.admitted("and the one before stays in force", "", nil, shell...)
	s.gate.setPolicy("")
	g.holds("and back", "refused", eventually(20*time.Second, func() error { return s.refusedFor(shell, "content.shells") }))
}

// enforcement tries a policy out, in one namespace: it warns, or only notes; what could
// not be judged is refused all the same.
func enforcement(g *group) {
	s := g.scene
	shell := s.run(s.images.ref("shell"), "--dry-run=server", "--namespace=shop")
	s.gate.setPolicy("overrides:\n- {match: {namespaces: [shop]}, enforcement: warn}\n")
	g.holds("warn: a shell", "admitted", eventually(20*time.Second, func() error { return s.kubectlError(shell) }))
	g.admitted("and kubectl shows the warning", "", []string{"Warning: ", "/shell@", "content.shells"}, shell...)
	g.refused("in another namespace it is refused", "", []string{"content.shells"}, s.run(s.images.ref("shell"), "--dry-run=server")...)
	s.images.Break("", gatetest.Status(http.StatusServiceUnavailable, "Retry-After: 0"))
	g.refused("what cannot be judged is no warning", "", []string{"/unheard@", "could not be judged"},
		s.run(s.images.Host()+"/unheard@"+s.images.digests["shell"], "--dry-run=server", "--namespace=shop")...)
	s.images.Mend()

	s.gate.setPolicy("overrides:\n- {match: {namespaces: [shop]}, enforcement: audit}\n")
	g.holds("audit: nobody is told", "admitted without a warning", eventually(20*time.Second, func() error {
		out, err := s.cluster.kubectl("", shell...)
		if err != nil || strings.Contains(out, "Warning") {
			return fmt.Errorf("%s", out)
		}
		return nil
	}))
	s.gate.setPolicy("")
	g.holds("and back", "refused", eventually(20*time.Second, func() error { return s.refusedFor(shell, "content.shells") }))
}

func (s *scene) kubectlError(args []string) error {
	out, err := s.cluster.kubectl("", args...)
	if err != nil {
		return fmt.Errorf("%s", out)
	}
	return nil
}

func (s *scene) refusedFor(args []string, word string) error {
	out, err := s.cluster.kubectl("", args...)
	if err == nil || !strings.Contains(out, word) {
		return fmt.Errorf("not refused for %s: %s", word, out)
	}
	return nil
}

// registryTrouble is never a reason to let something in, nor to refuse what is known.
func registryTrouble(g *group) {
	s := g.scene
	s.images.Break("/slow/", gatetest.Hang())
	slow := s.run(s.images.ref("slow"), "--dry-run=server")
	g.refused("slow: not judged in time", "", []string{"/slow@", "try again"}, slow...)
	s.images.Mend()
	g.holds("it answers again", "admitted", eventually(60*time.Second, func() error { return s.kubectlError(slow) }))

	s.images.Break("", gatetest.Status(http.StatusServiceUnavailable, "Retry-After: 0"))
	unknown := s.run(s.images.ref("unknown"), "--dry-run=server")
	g.refused("down: not judged yet", "", []string{"/unknown@", "could not be judged"}, unknown...)
	g.refused("down: nothing says what a tag means", "", []string{"/unknown:1"}, s.run(s.images.tag("unknown"))...)
	g.admitted("down: known by digest", "", nil, s.run(s.images.ref("good"))...)
	g.refused("down: known to be bad", "", []string{"/root@", "config.nonRoot"}, s.run(s.images.ref("root"))...)
	s.images.Mend()
	g.holds("up again", "admitted", eventually(60*time.Second, func() error { return s.kubectlError(unknown) }))
}

// databaseTrouble: what is too old does not say that there is no vulnerability.
func databaseTrouble(g *group) {
	s := g.scene
	good := s.run(s.images.ref("good"), "--dry-run=server")
	s.gate.setPolicy("vulnerabilities: {database: {maxAge: 1s}}\n")
	g.holds("stale", "refused: vulnerabilities.database", eventually(20*time.Second, func() error { return s.refusedFor(good, "vulnerabilities.database") }))
	s.gate.setPolicy("")
	g.holds("fresh enough", "admitted", eventually(20*time.Second, func() error { return s.kubectlError(good) }))
}

// certificates are exchanged while reviews come in, and none of them is lost.
func certificates(g *group) {
	s := g.scene
	load := s.startLoad(4)
	for i := range 3 {
		number := s.gate.newCertificate()
		g.holds(fmt.Sprintf("exchange %d", i+1), "new connections see the new one", eventually(20*time.Second, func() error { return s.gate.shows(number) }))
	}
	both := slices.Concat(s.gate.ca.pem, newAuthority(g.T, "next").pem)
	put(g.T, s.gate.folder, "ca.pem", both)
	g.holds("another client CA", "still asked", eventually(20*time.Second, func() error { return s.kubectlError(s.run(s.images.ref("good"), "--dry-run=server")) }))
	asked, failed := load()
	err := error(nil)
	if failed != "" || asked < 20 {
		err = fmt.Errorf("of %d, one failed: %s", asked, failed)
	}
	g.holds(fmt.Sprintf("%d pods created meanwhile (dry run)", asked), "all admitted", err)
}

// startLoad creates pods side by side, without kubectl, until it is stopped.
func (s *scene) startLoad(clients int) (stop func() (asked int64, failed string)) {
	done := make(chan struct{})
	var group sync.WaitGroup
	var count atomic.Int64
	var first atomic.Pointer[string]
	body := s.manifest("", container(s.images.ref("good")))
	for range clients {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				count.Add(1)
				if err := s.create(body); err != nil {
					text := err.Error()
					first.CompareAndSwap(nil, &text)
				}
			}
		})
	}
	return func() (int64, string) {
		close(done)
		group.Wait()
		if text := first.Load(); text != nil {
			return count.Load(), *text
		}
		return count.Load(), ""
	}
}

// create is kubectl create --dry-run=server without kubectl.
func (s *scene) create(body string) error {
	response, err := s.cluster.admin.Post(s.cluster.url("/api/v1/namespaces/default/pods?dryRun=All"), "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s: %s", response.Status, text)
	}
	return err
}

// gateKilled: without an answer there is no pod.
func gateKilled(g *group) {
	s := g.scene
	s.gate.kill()
	g.refused("a pod", "", []string{"connection refused"}, s.run(s.images.ref("good"))...)
	g.refused("a Deployment", "", []string{"connection refused"}, "create", "deployment", "web", "--image="+s.images.ref("good"))
	g.admitted("a namespace that the webhooks exempt, by a Deployment", "", nil, "create", "deployment", "gate", "--namespace=imagegate-system", "--image="+s.images.ref("good"))
	s.cluster.must("", "delete", "deployment", "gate", "--namespace=imagegate-system")
	g.admitted("other objects", "", nil, "create", "configmap", "unrelated")
	s.gate.start()
	g.admitted("started again", "", nil, s.run(s.images.ref("good"))...)
}
