//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// manifests holds the examples to a real API server: each is rendered and applied as
// a dry run with strict validation, in a namespace that enforces PodSecurity.
func manifests(g *group) {
	s := g.scene
	all := g.TempDir()
	require.NoError(g, os.CopyFS(all, os.DirFS(filepath.Join("..", ".."))))
	examples := filepath.Join(all, "admission")
	static := filepath.Join(examples, "static-certificates")
	run(g.T, static, "./make-certificates")
	s.cluster.must("", "apply", "-f", filepath.Join(examples, "base", "namespace.yaml"))

	for _, overlay := range []string{"base", "static-certificates", "cert-manager", "webhooks", "static-certificates/webhooks", "cert-manager/webhooks"} {
		g.applied(overlay, s.cluster.must("", "kustomize", filepath.Join(examples, overlay)))
	}
	require.NoError(g, addLine(filepath.Join(static, "kustomization.yaml"), "components: [../nats]"))
	shared := s.cluster.must("", "kustomize", static)
	g.applied("static-certificates with nats", shared)

	// PodSecurity warns about what makes pods, and refuses pods: so make them.
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		g.clean("the pod of that "+kind+" is restricted", s.json(podOf(g, kind, shared)), "create", "--dry-run=server", "--validate=strict", "-f", "-")
	}
	g.clean("static-pod", "", "create", "--dry-run=server", "--validate=strict", "-f", filepath.Join(examples, "static-pod", "imagegate.yaml"))
	policy := filepath.Join(examples, "base", "policy.yaml")
	run(g.T, examples, s.gate.imagegate, "policy", "validate", policy)

	for _, variant := range []string{"cronjob", "workers"} {
		rendered := s.cluster.must("", "kustomize", filepath.Join(all, "scan", variant))
		// Its images are examples: where nobody asks about them.
		g.applied("examples/scan/"+variant, strings.ReplaceAll(rendered, "  namespace: imagegate\n", "  namespace: exempt\n"))
	}
}

// applied demands that the API server takes all objects whose kinds it knows.
func (g *group) applied(what, rendered string) {
	g.Helper()
	known, foreign := split(rendered)
	if foreign > 0 {
		what += fmt.Sprintf(" (without %d custom resources)", foreign)
	}
	g.clean(what, known, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
}

// addLine adds a line to a file.
func addLine(path, line string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, line+"\n"...), 0o600)
}

// clean demands that something is admitted without a warning.
func (g *group) clean(what, stdin string, args ...string) {
	g.Helper()
	out, err := g.scene.cluster.kubectl(stdin, args...)
	g.note(what, "admitted, no warning", out, err == nil && !strings.Contains(out, "Warning"), 0)
}

// foreignAPI are the APIs of cert-manager and KEDA, whose kinds this cluster does not know.
var foreignAPI = regexp.MustCompile(`(?m)^apiVersion: (cert-manager\.io|keda\.sh)/`)

// split leaves out what is foreign.
func split(rendered string) (known string, foreign int) {
	var list []string
	for document := range strings.SplitSeq(rendered, "\n---\n") {
		if foreignAPI.MatchString(document) {
			foreign++
			continue
		}
		list = append(list, document)
	}
	return strings.Join(list, "\n---\n"), foreign
}

// podOf is the pod that the one object of a kind among those rendered makes.
func podOf(g *group, kind, rendered string) *corev1.Pod {
	g.Helper()
	for document := range strings.SplitSeq(rendered, "\n---\n") {
		if !strings.Contains(document, "\nkind: "+kind+"\n") {
			continue
		}
		var object struct {
			Metadata metav1.ObjectMeta
			Spec     struct{ Template corev1.PodTemplateSpec }
		}
		require.NoError(g, yaml.Unmarshal([]byte(document), &object))
		pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, Spec: object.Spec.Template.Spec}
		pod.Name, pod.Namespace, pod.Labels = g.scene.pod(), object.Metadata.Namespace, object.Spec.Template.Labels
		for _, claimed := range pod.Spec.Containers[0].VolumeMounts { // a StatefulSet adds the volumes of its claims
			if claimed.Name == "data" {
				pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claimed.Name})
			}
		}
		return pod
	}
	g.Fatal("no " + kind + " was rendered")
	return nil
}
