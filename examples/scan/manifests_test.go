// Package scan_test holds the manifests of this folder to the schemas of Kubernetes,
// and what they say about NATS to a real server.
package scan_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// needKustomize is the environment variable by which a build says that rendering
// must not be skipped.
const needKustomize = "IMAGEGATE_NEED_KUSTOMIZE"

// scaledObject is what we use of KEDA's custom resource (keda.sh/v1alpha1,
// ScaledObject): its own types would bring all of KEDA.
type scaledObject struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		ScaleTargetRef struct {
			Name string `json:"name"`
		} `json:"scaleTargetRef"`
		MinReplicaCount int `json:"minReplicaCount"`
		MaxReplicaCount int `json:"maxReplicaCount"`
		PollingInterval int `json:"pollingInterval"`
		CooldownPeriod  int `json:"cooldownPeriod"`
		Advanced        struct {
			Config struct {
				Behavior json.RawMessage `json:"behavior"`
			} `json:"horizontalPodAutoscalerConfig"`
		} `json:"advanced"`
		Triggers []struct {
			Type     string            `json:"type"`
			Metadata map[string]string `json:"metadata"`
		} `json:"triggers"`
	} `json:"spec"`
}

var strict = serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

// decode holds every document to its type: an unknown field is an error.
func decode(t *testing.T, text []byte) (objects []runtime.Object, scaled []scaledObject) {
	t.Helper()
	for r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		document, err := r.Read()
		if errors.Is(err, io.EOF) {
			return objects, scaled
		}
		require.NoError(t, err)
		var head struct{ APIVersion, Kind string }
		require.NoError(t, yaml.Unmarshal(document, &head))
		switch head.APIVersion {
		case "":
		case "kustomize.config.k8s.io/v1beta1":
		case "keda.sh/v1alpha1":
			var s scaledObject
			require.NoError(t, yaml.UnmarshalStrict(document, &s), "%s", document)
			scaled = append(scaled, s)
		default:
			object, _, err := strict.Decode(document, nil, nil)
			require.NoError(t, err, "%s", document)
			objects = append(objects, object)
		}
	}
}

// podSpec is the pod of an object that has one.
func podSpec(object runtime.Object) *corev1.PodSpec {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template.Spec
	case *appsv1.StatefulSet:
		return &o.Spec.Template.Spec
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template.Spec
	}
	return nil
}

func TestManifestsFitTheirSchemas(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.yaml")
	require.NoError(t, err)
	pods := 0
	for _, file := range files {
		if filepath.Base(file) == "policy.yaml" {
			continue // held to its own schema by the tests of the command
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		objects, _ := decode(t, text)
		for _, object := range objects {
			if spec := podSpec(object); spec != nil {
				pods++
				requireRestricted(t, file, spec)
			}
		}
	}
	require.Equal(t, 4, pods)
}

// requireRestricted holds a pod to the Pod Security Standard restricted, and to what
// makes a program that reads hostile images a good neighbour.
func requireRestricted(t *testing.T, file string, spec *corev1.PodSpec) {
	t.Helper()
	require.True(t, *spec.SecurityContext.RunAsNonRoot, file)
	require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, spec.SecurityContext.SeccompProfile.Type, file)
	require.False(t, *spec.AutomountServiceAccountToken, file)
	volumes := map[string]bool{}
	for _, v := range spec.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range spec.Containers {
		require.False(t, *c.SecurityContext.AllowPrivilegeEscalation, file)
		require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem, file)
		require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop, file)
		require.NotZero(t, c.Resources.Limits.Memory().Value(), file)
		for _, m := range c.VolumeMounts {
			require.True(t, volumes[m.Name] || m.Name == "data", "%s mounts %s", file, m.Name)
		}
		for _, e := range c.Env {
			if e.Name == "GOMEMLIMIT" { // below the limit: the garbage collector works before the kernel kills
				bytes, err := strconv.ParseInt(strings.TrimSuffix(e.Value, "MiB"), 10, 64)
				require.NoError(t, err)
				require.Less(t, bytes<<20, c.Resources.Limits.Memory().Value(), file)
			}
		}
	}
}

// TestKustomizeRenders renders each variant as `kubectl apply -k` does.
func TestKustomizeRenders(t *testing.T) {
	t.Parallel()
	for variant, kinds := range map[string]int{"cronjob": 4, "workers": 11} {
		objects, _ := decode(t, render(t, variant))
		require.Len(t, objects, kinds, variant)
		for _, object := range objects {
			if spec := podSpec(object); spec != nil {
				requireRestricted(t, variant, spec)
				for _, v := range spec.Volumes {
					require.False(t, v.ConfigMap != nil && v.ConfigMap.Name == "imagegate-policy", "%s: the name of the policy carries its hash", variant)
				}
			}
		}
	}
}

func render(t *testing.T, folder string) []byte {
	t.Helper()
	for _, command := range [][]string{{"kustomize", "build"}, {"kubectl", "kustomize"}} {
		if path, err := exec.LookPath(command[0]); err == nil {
			out, err := exec.Command(path, command[1], folder).Output()
			require.NoError(t, err)
			return out
		}
	}
	if os.Getenv(needKustomize) != "" {
		t.Fatal("neither kustomize nor kubectl is installed, and " + needKustomize + " is set")
	}
	t.Skip("neither kustomize nor kubectl is installed: the manifests are not rendered")
	return nil
}

// TestTheAutoscalerSeesTheQueue asks a server with the configuration of this folder
// what the autoscaler asks, and reads the answer as that does.
func TestTheAutoscalerSeesTheQueue(t *testing.T) {
	t.Setenv("POD_NAME", "nats-0")
	t.Setenv("NATS_PASSWORD", "secret")
	options, err := server.ProcessConfigFile(filepath.Join("workers", "nats.conf"))
	require.NoError(t, err)
	require.Len(t, options.Routes, 3)
	// One server of the three, on loopback and in a folder of its own.
	options.Host, options.Port, options.HTTPHost, options.HTTPPort = "127.0.0.1", -1, "127.0.0.1", -1
	options.StoreDir, options.NoSigs, options.NoLog = t.TempDir(), true, true
	options.Routes, options.Cluster = nil, server.ClusterOpts{}
	running, err := server.NewServer(options)
	require.NoError(t, err)
	go running.Start()
	defer running.Shutdown()
	require.True(t, running.ReadyForConnections(time.Minute))

	_, err = nats.Connect(running.ClientURL())
	require.ErrorIs(t, err, nats.ErrAuthorization, "nobody publishes without the password")
	client, err := nats.Connect(running.ClientURL(), nats.UserInfo("imagegate", "secret"))
	require.NoError(t, err)
	defer client.Close()
	js, err := jetstream.New(client)
	require.NoError(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "IMAGEGATE_WORK", Subjects: []string{"imagegate.work.>"}, Retention: jetstream.WorkQueuePolicy})
	require.NoError(t, err)
	for i := range 7 {
		_, err = js.Publish(t.Context(), fmt.Sprintf("imagegate.work.scan.new.%d.place", i), nil)
		require.NoError(t, err)
	}

	text, err := os.ReadFile(filepath.Join("workers", "scaledobject.yaml"))
	require.NoError(t, err)
	_, scaled := decode(t, text)
	require.Len(t, scaled, 1)
	require.Equal(t, "imagegate-worker", scaled[0].Spec.ScaleTargetRef.Name)
	trigger := scaled[0].Spec.Triggers[0]
	require.Equal(t, "metrics-api", trigger.Type)
	_, query, found := strings.Cut(trigger.Metadata["url"], ":8222")
	require.True(t, found)
	response, err := http.Get("http://" + running.MonitorAddr().String() + query)
	require.NoError(t, err)
	defer response.Body.Close()
	var answer any
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.InDelta(t, 7, at(t, answer, trigger.Metadata["valueLocation"]), 0)
}

// at reads a value as KEDA does, by a path in the words of GJSON: names, places in a
// list, and #(name=="…") for the first that is called so.
func at(t *testing.T, value any, path string) float64 {
	t.Helper()
	for step := range strings.SplitSeq(path, ".") {
		switch node := value.(type) {
		case map[string]any:
			value = node[step]
		case []any:
			name, byName := strings.CutPrefix(step, `#(name=="`)
			if !byName {
				i, err := strconv.Atoi(step)
				require.NoError(t, err)
				value = node[i]
				continue
			}
			value = nil
			for _, each := range node {
				if each.(map[string]any)["name"] == strings.TrimSuffix(name, `")`) {
					value = each
					break
				}
			}
		}
		require.NotNil(t, value, "nothing at %s", step)
	}
	return value.(float64)
}

// TestTheQueueIsCalledWhatItIs holds the stream's name to the one that the program uses.
func TestTheQueueIsCalledWhatItIs(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join("..", "..", "gate", "scan", "queue.go"))
	require.NoError(t, err)
	require.Contains(t, string(source), `"IMAGEGATE_WORK"`)
}
