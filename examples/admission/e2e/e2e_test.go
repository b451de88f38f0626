//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"
)

// TestAdmission is the whole story: one control plane, one gate, one registry. The
// cases of a subject leave the world as they found it.
func TestAdmission(t *testing.T) {
	p := buildPrograms(t)
	images := newImages(t)
	s := &scene{T: t, images: images, gate: newServer(t, p, images), cluster: newCluster(t, p)}
	defer s.show()

	// Everything that the API server is told comes out of imagegate itself.
	config := s.gate.admissionConfig()
	admission := filepath.Join(config, "admission.yaml")
	s.cluster.serve(admission, "ImagePolicyWebhook")
	for _, namespace := range []string{"shop", "exempt", "imagegate-system"} {
		s.cluster.must("", "create", "namespace", namespace)
	}

	// The plugin ImagePolicyWebhook alone: what it can do, and what it cannot see.
	s.group("ImagePolicyWebhook alone", imagePolicyAlone)

	// With the webhooks beside it: /mutate, then /imagepolicy, then /validate.
	s.cluster.must("", "apply", "-f", filepath.Join(config, "webhooks.yaml"))
	s.awaitWebhooks()
	s.group("one pod", onePod)
	s.group("every place of an image", everyPlace)
	s.group("tags", tags)
	s.group("workloads", workloads)
	s.group("break-glass", breakGlass)
	s.group("what is hostile", hostile)
	s.group("policy", policyChanges)
	s.group("enforcement", enforcement)
	s.group("registry", registryTrouble)
	s.group("database", databaseTrouble)
	s.group("certificates", certificates)
	s.group("gate killed", gateKilled)
	s.group("manifests", manifests)
	s.group("itself", ownImage)

	s.group("went bad later", wentBad)

	// /validate and /mutate without the plugin, as a managed cluster has it.
	s.cluster.serve(admission)
	s.awaitWebhooks()
	s.group("webhooks alone", wentBadWithoutPlugin)
}
