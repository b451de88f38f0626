package setup_test

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/imagegate/imagegate/gate/admission/setup"
)

var ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("certificate")})

// onHost is a gate beside the API server, in its service a gate in the cluster.
var (
	onHost    = setup.Setup{Address: "https://127.0.0.1:8443", CA: ca, ClientCertificates: true, ExemptNamespaces: []string{"kube-system", "dev-*"}}
	inCluster = setup.Setup{Service: setup.Service{Namespace: "imagegate-system", Name: "imagegate"}, PinTemplates: true}
)

func files(t *testing.T, s setup.Setup) map[string][]byte {
	t.Helper()
	list, err := setup.Files(s)
	require.NoError(t, err)
	all := map[string][]byte{}
	for _, f := range list {
		all[f.Name] = f.Content
	}
	return all
}

// webhooks decodes as strictly as the API server does with field validation.
func webhooks(t *testing.T, text []byte) (admissionregistrationv1.MutatingWebhookConfiguration, admissionregistrationv1.ValidatingWebhookConfiguration) {
	t.Helper()
	documents := bytes.Split(text, []byte("\n---\n"))
	require.Len(t, documents, 2)
	var mutating admissionregistrationv1.MutatingWebhookConfiguration
	var validating admissionregistrationv1.ValidatingWebhookConfiguration
	require.NoError(t, yaml.UnmarshalStrict(documents[0], &mutating))
	require.NoError(t, yaml.UnmarshalStrict(documents[1], &validating))
	return mutating, validating
}

func TestBesideTheAPIServer(t *testing.T) {
	t.Parallel()
	all := files(t, onHost)
	require.Len(t, all, 4)

	mutating, validating := webhooks(t, all["webhooks.yaml"])
	for path, config := range map[string]admissionregistrationv1.WebhookClientConfig{
		"/mutate": mutating.Webhooks[0].ClientConfig, "/validate": validating.Webhooks[0].ClientConfig,
	} {
		require.Equal(t, "https://127.0.0.1:8443"+path, *config.URL)
		require.Equal(t, ca, config.CABundle)
		require.Nil(t, config.Service)
	}
	require.Equal(t, admissionregistrationv1.Fail, *mutating.Webhooks[0].FailurePolicy)
	require.Equal(t, admissionregistrationv1.Fail, *validating.Webhooks[0].FailurePolicy)
	require.Equal(t, []string{"kube-system"}, validating.Webhooks[0].NamespaceSelector.MatchExpressions[0].Values, "patterns are the gate's")

	var kubeconfig clientcmdv1.Config
	require.NoError(t, yaml.UnmarshalStrict(all["imagepolicy-kubeconfig.yaml"], &kubeconfig))
	require.Equal(t, "https://127.0.0.1:8443/imagepolicy", kubeconfig.Clusters[0].Cluster.Server)
	require.Equal(t, ca, kubeconfig.Clusters[0].Cluster.CertificateAuthorityData)
	require.Equal(t, setup.DefaultFolder+"/apiserver.pem", kubeconfig.AuthInfos[0].AuthInfo.ClientCertificate)
	require.Equal(t, "imagegate", kubeconfig.CurrentContext)

	kubeconfig = clientcmdv1.Config{}
	require.NoError(t, yaml.UnmarshalStrict(all["webhooks-kubeconfig.yaml"], &kubeconfig))
	require.Equal(t, "127.0.0.1:8443", kubeconfig.AuthInfos[0].Name)

	var admission admissionConfiguration
	require.NoError(t, yaml.UnmarshalStrict(all["admission.yaml"], &admission))
	require.Len(t, admission.Plugins, 3)
	require.Equal(t, false, admission.Plugins[0].Configuration["imagePolicy"].(map[string]any)["defaultAllow"])
}

// admissionConfiguration is AdmissionConfiguration of apiserver.config.k8s.io/v1 as
// far as it is used; make e2e shows it to the real one.
type admissionConfiguration struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Plugins    []struct {
		Name          string         `json:"name"`
		Configuration map[string]any `json:"configuration"`
	} `json:"plugins"`
}

func TestThroughAService(t *testing.T) {
	t.Parallel()
	all := files(t, inCluster)
	require.Len(t, all, 1, "a host resolves no names of services, and nobody asks for certificates")
	mutating, validating := webhooks(t, all["webhooks.yaml"])
	require.Equal(t, "/mutate", *mutating.Webhooks[0].ClientConfig.Service.Path)
	require.Equal(t, "imagegate-system", validating.Webhooks[0].ClientConfig.Service.Namespace)
	require.Equal(t, []string{"imagegate-system"}, validating.Webhooks[0].NamespaceSelector.MatchExpressions[0].Values, "itself")
	require.Len(t, mutating.Webhooks[0].Rules, 4, "templates are pinned, too")
	require.Len(t, validating.Webhooks[0].Rules, 4)

	asking := inCluster
	asking.ClientCertificates = true
	all = files(t, asking)
	require.Len(t, all, 3)
	require.NotContains(t, string(all["admission.yaml"]), "ImagePolicyWebhook")
	require.Contains(t, string(all["webhooks-kubeconfig.yaml"]), `"imagegate.imagegate-system.svc"`)
}

func TestWhatCannotBe(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]setup.Setup{
		"nowhere":         {},
		"plain HTTP":      {Address: "http://127.0.0.1:8443"},
		"a path":          {Address: "https://127.0.0.1:8443/x"},
		"a query":         {Address: "https://127.0.0.1:8443?x"},
		"two lines":       {Address: "https://127.0.0.1:8443", Folder: "/x\ny: z"},
		"relative folder": {Address: "https://127.0.0.1:8443", Folder: "x"},
		"no certificate":  {Address: "https://127.0.0.1:8443", CA: []byte("x")},
		"too patient":     {Address: "https://127.0.0.1:8443", TimeoutSeconds: 31},
		"a service of \n": {Service: setup.Service{Namespace: "a\nb", Name: "x"}},
	} {
		_, err := setup.Files(s)
		require.Error(t, err, name)
	}
}

// TestNothingIsInjected holds that what is given stays a value, whatever it says.
func TestNothingIsInjected(t *testing.T) {
	t.Parallel()
	s := onHost
	s.Folder = "/etc/a: b\"'#c"
	for name, content := range files(t, s) {
		var any map[string]any
		for _, document := range strings.Split(string(content), "\n---\n") {
			require.NoError(t, yaml.Unmarshal([]byte(document), &any), name)
		}
	}
}
