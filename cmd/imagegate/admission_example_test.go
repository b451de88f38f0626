package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// admissionExample reads a file of examples/admission.
func admissionExample(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "examples", "admission", path))
	require.NoError(t, err)
	return content
}

// TestAdmissionExamplesUseFlagsThatExist prints the configuration with the arguments
// of each manifest: that reads all of them and serves nothing.
func TestAdmissionExamplesUseFlagsThatExist(t *testing.T) {
	t.Parallel()
	var deployment appsv1.Deployment
	require.NoError(t, yaml.UnmarshalStrict(admissionExample(t, "base/deployment.yaml"), &deployment))
	var pod corev1.Pod
	require.NoError(t, yaml.UnmarshalStrict(admissionExample(t, "static-pod/imagegate.yaml"), &pod))
	for name, args := range map[string][]string{
		"deployment": deployment.Spec.Template.Spec.Containers[0].Args, "static pod": pod.Spec.Containers[0].Args,
	} {
		var out, complaints bytes.Buffer
		code := execute(t.Context(), append(args, "--print-admission-config"), console{in: strings.NewReader(""), out: &out, err: &complaints})
		require.Equal(t, exitAllowed, code, "%s: %s", name, &complaints)
		require.Contains(t, out.String(), "kind: ValidatingWebhookConfiguration")
		if name == "deployment" {
			require.Equal(t, string(admissionExample(t, "webhooks/webhooks.yaml")), out.String(), "print it anew")
		}
	}
}

// TestAdmissionExampleSharesByFlagsThatExist does the same with what the component for
// NATS adds.
func TestAdmissionExampleSharesByFlagsThatExist(t *testing.T) {
	t.Parallel()
	var patches []struct {
		Op, Path string
		Value    any
	}
	require.NoError(t, yaml.UnmarshalStrict(admissionExample(t, "nats/gate.yaml"), &patches))
	args := []string{"serve", "--print-admission-config"}
	for _, patch := range patches {
		if strings.HasSuffix(patch.Path, "/args/-") {
			args = append(args, patch.Value.(string))
		}
	}
	require.Len(t, args, 4)
	var complaints bytes.Buffer
	code := execute(t.Context(), args, console{in: strings.NewReader(""), out: io.Discard, err: &complaints})
	require.Equal(t, exitAllowed, code, &complaints)
}
