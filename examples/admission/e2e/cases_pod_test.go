//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// awaitWebhooks waits until the API server asks them: it looks at their
// configurations now and then.
func (s *scene) awaitWebhooks() {
	s.Helper()
	require.NoError(s, eventually(20*time.Second, func() error {
		out, err := s.cluster.kubectl(s.manifest("", volume(s.images.tag("unsigned"))), "create", "--dry-run=server", "-f", "-")
		if err == nil || !strings.Contains(out, "validate.imagegate.dev") {
			return fmt.Errorf("not asked yet: %s", out)
		}
		return nil
	}))
}

// imagePolicyAlone shows the plugin without webhooks.
func imagePolicyAlone(g *group) {
	s := g.scene
	g.admitted("signed and clean", "", nil, s.run(s.images.ref("good"))...)
	g.refused("unsigned", "", []string{"image policy webhook backend denied", "signature"}, s.run(s.images.tag("unsigned"))...)
	g.refused("by kubectl apply --dry-run=server too", s.manifest("", container(s.images.tag("unsigned"))), []string{"signature"}, "apply", "--dry-run=server", "-f", "-")
	g.admitted("an image volume it never sees (use /validate)", s.manifest("", volume(s.images.tag("unsigned"))), nil, "create", "-f", "-")
}

// onePod has one thing wrong with its image at a time.
func onePod(g *group) {
	s := g.scene
	g.admitted("signed and clean", "", nil, s.run(s.images.ref("good"))...)
	g.admitted("the same again, from memory", "", nil, s.run(s.images.ref("good"))...)
	for _, c := range []struct{ image, rule string }{
		{"unsigned", "signature"}, {"wrongkey", "signature"}, {"root", "config.nonRoot"},
		{"shell", "content.shells"}, {"cvss", "CVE-2023-38545"},
	} {
		g.refused(c.image, "", []string{"/" + c.image + "@", c.rule}, s.run(s.images.ref(c.image))...)
	}
	g.refused("two bad ones: both are named", s.manifest("", container(s.images.ref("unsigned")), container(s.images.ref("root"))),
		[]string{"/unsigned@", "/root@"}, "create", "-f", "-")
	g.admitted("a namespace that is exempt", "", nil, s.run(s.images.ref("unsigned"), "--namespace=exempt")...)
}

// everyPlace has a bad image in each place that can name one.
func everyPlace(g *group) {
	s := g.scene
	good, bad := s.images.ref("good"), s.images.ref("unsigned")
	for _, c := range []struct {
		what string
		in   func(string) change
	}{{"init container", initContainer}, {"image volume", volume}} {
		g.refused("bad "+c.what, s.manifest("", container(good), c.in(bad)), []string{"/unsigned@", "signature"}, "create", "-f", "-")
		g.admitted("good "+c.what, s.manifest("", container(good), c.in(s.images.ref("another"))), nil, "create", "-f", "-")
	}
	pod := s.pod()
	s.cluster.must("", "run", pod, "--image="+good, "--restart=Never")
	g.refused("bad ephemeral container", "", []string{"/unsigned@", "signature"}, "debug", pod, "--attach=false", "--image="+bad)
	g.admitted("good ephemeral container", "", nil, "debug", pod, "--attach=false", "--image="+s.images.ref("another"))
	g.refused("a running pod gets a bad image", "", []string{"/unsigned@", "signature"}, "set", "image", "pod/"+pod, pod+"="+bad)
}

// tags are pinned to what was judged.
func tags(g *group) {
	s := g.scene
	pod := s.pod()
	g.admitted("a tag", "", nil, "run", pod, "--image="+s.images.tag("good"), "--restart=Never")
	seen := s.cluster.must("", "get", "pod", pod, "-o", "jsonpath={.spec.containers[0].image}")
	g.holds("the pod shows the digest that was judged", "good:1@sha256:…", equal(s.images.tag("good")+"@"+s.images.digests["good"], seen))

	image := s.images.push(g.T, "before", "moving:1", variants["good"])
	first := s.pod()
	s.cluster.must("", "run", first, "--image="+s.images.tag("moving"), "--restart=Never")
	s.images.push(g.T, "after", "moving:1", variants["unsigned"])
	g.holds("the tag moves to an unsigned image", "refused", eventually(20*time.Second, func() error {
		out, err := s.cluster.kubectl("", s.run(s.images.tag("moving"))...)
		if err == nil || !strings.Contains(out, "signature") {
			return fmt.Errorf("still as before: %s", out)
		}
		return nil
	}))
	seen = s.cluster.must("", "get", "pod", first, "-o", "jsonpath={.spec.containers[0].image}")
	g.holds("the pod from before keeps its digest", "moving:1@sha256:…", equal(s.images.tag("moving")+"@"+image, seen))
}

func equal(want, got string) error {
	if want != got {
		return fmt.Errorf("%q, not %q", got, want)
	}
	return nil
}

// hostile are image names that no runtime could pull, and addresses that no pod may
// make the gate ask.
func hostile(g *group) {
	s := g.scene
	for _, c := range []struct{ what, image, why string }{
		{"spaces", "app:1 --privileged", "the image name has spaces"}, {"a line break", "app\n: allowed", `"app\n: allowed"`},
		{"capital letters", "UPPER/Case:1", "reference"}, {"a short digest", s.images.Host() + "/good@sha256:short", "reference"},
	} {
		g.refused(c.what, s.manifest("", container(c.image)), []string{c.why}, "create", "-f", "-")
	}
	g.refused("a metadata service", "", []string{"none of the registries that may be asked"}, s.run("169.254.169.254/latest:1")...)
	g.refused("a folder on the gate's machine", "", []string{"none of the registries"}, s.run("oci:etc")...)
}

// change is something about a pod.
type change func(*corev1.PodSpec)

func container(image string) change {
	return func(p *corev1.PodSpec) {
		p.Containers = append(p.Containers, corev1.Container{Name: fmt.Sprintf("c%d", len(p.Containers)), Image: image})
	}
}

func initContainer(image string) change {
	return func(p *corev1.PodSpec) {
		p.InitContainers = append(p.InitContainers, corev1.Container{Name: fmt.Sprintf("i%d", len(p.InitContainers)), Image: image})
	}
}

func volume(image string) change {
	return func(p *corev1.PodSpec) {
		p.Volumes = append(p.Volumes, corev1.Volume{Name: fmt.Sprintf("v%d", len(p.Volumes)),
			VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: image}}})
	}
}

// manifest is a new pod with these changes, and with a break-glass token where one is
// given.
func (s *scene) manifest(token string, changes ...change) string {
	s.Helper()
	pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: s.pod()}}
	if token != "" {
		pod.Annotations = map[string]string{"breakglass.image-policy.k8s.io/token": token}
	}
	for _, c := range changes {
		c(&pod.Spec)
	}
	if len(pod.Spec.Containers) == 0 {
		container(s.images.ref("good"))(&pod.Spec)
	}
	return s.json(pod)
}

func (s *scene) json(object any) string {
	s.Helper()
	text, err := json.Marshal(object)
	require.NoError(s, err)
	return string(text)
}
