// Package admission_test holds the manifests of this folder to the schemas of
// Kubernetes, and what they say about NATS to a real server. What only an API server
// can say about them is in e2e.
package admission_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/imagegate/imagegate/gate/jetstream"
	"github.com/imagegate/imagegate/gate/store"
)

var strict = serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

// documents are those of a YAML file.
func documents(t *testing.T, path string) (list [][]byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		document, err := r.Read()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, document)
	}
}

// ours says whether a document is an object of Kubernetes itself: not a list of
// patches, nor what kustomize, cert-manager and the gate read.
func ours(document []byte) bool {
	var head struct{ APIVersion string }
	return yaml.Unmarshal(document, &head) == nil && head.APIVersion != "" &&
		!strings.HasPrefix(head.APIVersion, "kustomize.config.k8s.io/") &&
		!strings.HasPrefix(head.APIVersion, "cert-manager.io/") && !strings.HasPrefix(head.APIVersion, "imagegate.dev/")
}

func TestManifestsFitTheirSchemas(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.yaml")
	require.NoError(t, err)
	var objects []runtime.Object
	for _, file := range files {
		for _, document := range documents(t, file) {
			if !ours(document) {
				continue
			}
			object, _, err := strict.Decode(document, nil, nil)
			require.NoError(t, err, "%s\n%s", file, document)
			objects = append(objects, object)
		}
	}
	require.Len(t, objects, 15)
}

// TestReplicasShareThroughTheNATSOfTheseManifests starts a server with the
// configuration here, within the memory and disk that it has there, and remembers
// something as the gate does.
func TestReplicasShareThroughTheNATSOfTheseManifests(t *testing.T) {
	t.Setenv("POD_NAME", "nats-0")
	t.Setenv("NATS_PASSWORD", "password")
	options, err := server.ProcessConfigFile(filepath.Join("nats", "nats.conf"))
	require.NoError(t, err)
	require.Len(t, options.Routes, replicasOfNATS(t))
	// One server of the three, on loopback and in a folder of its own.
	options.Host, options.Port, options.HTTPPort, options.StoreDir = "127.0.0.1", -1, 0, t.TempDir()
	options.Routes, options.Cluster, options.NoSigs, options.NoLog = nil, server.ClusterOpts{}, true, true
	running, err := server.NewServer(options)
	require.NoError(t, err)
	go running.Start()
	defer running.Shutdown()
	require.True(t, running.ReadyForConnections(time.Minute))
	at := strings.TrimPrefix(running.ClientURL(), "nats://")

	_, err = jetstream.Dial(t.Context(), jetstream.Address{URL: "nats://imagegate:wrong@" + at})
	require.Error(t, err)
	replica := func() *store.Store {
		connection, err := jetstream.Dial(t.Context(), jetstream.Address{URL: "nats://imagegate:password@" + at})
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		kept, err := store.New(connection.Entries(jetstream.Bucket{}), []byte("0123456789abcdef0123456789abcdef"),
			store.WithWarning(func(err error) { t.Error(err) }))
		require.NoError(t, err)
		return kept
	}
	replica().Put(t.Context(), "key", []byte("value"))
	value, _, ok := replica().Get(t.Context(), "key")
	require.True(t, ok)
	require.Equal(t, "value", string(value))
}

// replicasOfNATS is how many servers the manifest asks for.
func replicasOfNATS(t *testing.T) int {
	t.Helper()
	for _, document := range documents(t, filepath.Join("nats", "nats.yaml")) {
		object, _, err := strict.Decode(document, nil, nil)
		require.NoError(t, err)
		if set, ok := object.(*appsv1.StatefulSet); ok {
			return int(*set.Spec.Replicas)
		}
	}
	t.Fatal("there is no StatefulSet")
	return 0
}
