//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// manifests holds the examples to a real API server: each is rendered and applied as
// a dry run with strict validation, in a namespace that enforces PodSecurity.
func manifests(g *group) {
	s := g.scene
	examples := filepath.Join(g.TempDir(), "admission")
	require.NoError(g, os.CopyFS(examples, os.DirFS("..")))
	static := filepath.Join(examples, "static-certificates")
	run(g.T, static, "./make-certificates")
	s.cluster.must("", "apply", "-f", filepath.Join(examples, "base", "namespace.yaml"))

	for _, overlay := range []string{"base", "static-certificates", "cert-manager", "webhooks", "static-certificates/webhooks", "cert-manager/webhooks"} {
		rendered := s.cluster.must("", "kustomize", filepath.Join(examples, overlay))
		known, foreign := split(rendered)
		what := overlay
		if foreign > 0 {
			what += fmt.Sprintf(" (without %d objects of cert-manager)", foreign)
		}
		g.clean(what, known, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
	}

	// PodSecurity warns about Deployments and refuses pods: so make it one.
	g.clean("the gate's pod is restricted", s.json(podOf(g, s.cluster.must("", "kustomize", static))), "create", "--dry-run=server", "--validate=strict", "-f", "-")
	g.clean("static-pod", "", "create", "--dry-run=server", "--validate=strict", "-f", filepath.Join(examples, "static-pod", "imagegate.yaml"))
	policy := filepath.Join(examples, "base", "policy.yaml")
	run(g.T, examples, s.gate.imagegate, "policy", "validate", policy)
}

// clean demands that something is admitted without a warning.
func (g *group) clean(what, stdin string, args ...string) {
	g.Helper()
	out, err := g.scene.cluster.kubectl(stdin, args...)
	g.note(what, "admitted, no warning", out, err == nil && !strings.Contains(out, "Warning"), 0)
}

// split leaves out the objects of cert-manager, whose kinds this cluster does not know.
func split(rendered string) (known string, foreign int) {
	var list []string
	for document := range strings.SplitSeq(rendered, "\n---\n") {
		if strings.Contains(document, "apiVersion: cert-manager.io/") {
			foreign++
			continue
		}
		list = append(list, document)
	}
	return strings.Join(list, "\n---\n"), foreign
}

// podOf is the pod that the Deployment among rendered objects makes.
func podOf(g *group, rendered string) *corev1.Pod {
	g.Helper()
	for document := range strings.SplitSeq(rendered, "\n---\n") {
		var deployment appsv1.Deployment
		if !strings.Contains(document, "kind: Deployment") {
			continue
		}
		require.NoError(g, yaml.UnmarshalStrict([]byte(document), &deployment))
		pod := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, Spec: deployment.Spec.Template.Spec}
		pod.Name, pod.Namespace, pod.Labels = g.scene.pod(), deployment.Namespace, deployment.Spec.Template.Labels
		return pod
	}
	g.Fatal("no Deployment was rendered")
	return nil
}
