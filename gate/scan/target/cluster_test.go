package target_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/imagegate/imagegate/gate/scan/target"
)

func podSpec(images ...string) corev1.PodSpec {
	var spec corev1.PodSpec
	for i, image := range images {
		spec.Containers = append(spec.Containers, corev1.Container{Name: fmt.Sprint("c", i), Image: image})
	}
	return spec
}

func named(name string, owned bool) metav1.ObjectMeta {
	meta := metav1.ObjectMeta{Name: name, Namespace: "shop"}
	if owned {
		yes := true
		meta.OwnerReferences = []metav1.OwnerReference{{Kind: "Deployment", Name: "web", Controller: &yes}}
	}
	return meta
}

// objects are what an API server lists, by path and page.
func objects() map[string][]any {
	template := func(image string) corev1.PodTemplateSpec { return corev1.PodTemplateSpec{Spec: podSpec(image)} }
	running := corev1.Pod{ObjectMeta: named("web-1", true), Spec: podSpec("registry.example.com/web:1", "local:1")}
	running.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "registry.example.com/init:1"}}
	running.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "registry.example.com/model:1"}}}}
	running.Status.ContainerStatuses = []corev1.ContainerStatus{
		{Name: "c0", ImageID: "docker-pullable://registry.example.com/web@" + "sha256:" + strings.Repeat("a", 64)},
		{Name: "c1", ImageID: "sha256:" + strings.Repeat("b", 64)},
	}
	elsewhere := corev1.Pod{ObjectMeta: named("web-3", true), Spec: podSpec("registry.example.com/init:1")}
	elsewhere.Namespace = "test"
	return map[string][]any{
		"/api/v1/pods":                   {running, corev1.Pod{ObjectMeta: named("web-2", true), Spec: running.Spec, Status: running.Status}, elsewhere},
		"/apis/apps/v1/deployments":      {appsv1.Deployment{ObjectMeta: named("web", false), Spec: appsv1.DeploymentSpec{Template: template("registry.example.com/web:2")}}},
		"/apis/apps/v1/statefulsets":     {appsv1.StatefulSet{ObjectMeta: named("db", false), Spec: appsv1.StatefulSetSpec{Template: template("registry.example.com/db:1")}}},
		"/apis/apps/v1/daemonsets":       {appsv1.DaemonSet{ObjectMeta: named("log", false), Spec: appsv1.DaemonSetSpec{Template: template("registry.example.com/log:1")}}},
		"/apis/apps/v1/replicasets":      {appsv1.ReplicaSet{ObjectMeta: named("web-old", true), Spec: appsv1.ReplicaSetSpec{Template: template("registry.example.com/web:0")}}},
		"/apis/batch/v1/jobs":            {batchv1.Job{ObjectMeta: named("once", false), Spec: batchv1.JobSpec{Template: template("registry.example.com/once:1")}}},
		"/apis/batch/v1/cronjobs":        {batchv1.CronJob{ObjectMeta: named("often", false), Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template("registry.example.com/often:1")}}}}},
		"/api/v1/podtemplates":           {corev1.PodTemplate{ObjectMeta: named("form", false), Template: template("registry.example.com/form:1")}},
		"/api/v1/replicationcontrollers": {},
	}
}

// apiServer answers lists one object a page, in the JSON of Kubernetes' own types.
func apiServer(t *testing.T, forbidden string) (kubeconfig string, methods func() []string) {
	t.Helper()
	all := objects()
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method) // one client asks one after the other
		path := strings.Replace(r.URL.Path, "/namespaces/shop", "", 1)
		items, ok := all[path]
		if !ok || path == forbidden {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		at := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("continue"), &at)
		list := map[string]any{"kind": "List", "metadata": map[string]any{"resourceVersion": "1"}, "items": []any{}}
		if at < len(items) {
			list["items"] = items[at : at+1]
		}
		if at+1 < len(items) {
			list["metadata"] = map[string]any{"continue": fmt.Sprint(at + 1)}
		}
		_ = json.NewEncoder(w).Encode(list)
	}))
	t.Cleanup(server.Close)
	kubeconfig = filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(kubeconfig, []byte(fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"test",
		"clusters":[{"name":"c","cluster":{"server":%q}}],"users":[{"name":"u","user":{}}],
		"contexts":[{"name":"test","context":{"cluster":"c","user":"u"}}]}`, server.URL)), 0o600))
	return kubeconfig, func() []string { return seen }
}

// nowhere answers no registry, so that references stay as they are.
var nowhere = roundTripper(func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed })

func TestCluster(t *testing.T) {
	t.Parallel()
	kubeconfig, methods := apiServer(t, "")
	for _, o := range []target.Options{{}, {Namespaces: []string{"shop"}}} {
		o.Kubeconfig, o.Transport = kubeconfig, nowhere
		workloads := map[string]string{}
		for reference, err := range target.List(t.Context(), []string{"cluster:test"}, o) {
			require.NoError(t, err)
			require.Equal(t, "cluster:test", reference.Target)
			if reference.Workload == "test/Pod/web-3" {
				require.Equal(t, "registry.example.com/init:1", reference.Name, "each namespace is judged for itself")
				continue
			}
			require.Empty(t, workloads[reference.Name], "each image comes once in a namespace")
			workloads[reference.Name] = reference.Workload
		}
		require.Equal(t, map[string]string{
			"registry.example.com/web@sha256:" + strings.Repeat("a", 64): "shop/Pod/web-1",
			"index.docker.io/library/local:1":                            "shop/Pod/web-1",
			"registry.example.com/init:1":                                "shop/Pod/web-1",
			"registry.example.com/model:1":                               "shop/Pod/web-1",
			"registry.example.com/web:2":                                 "shop/Deployment/web",
			"registry.example.com/db:1":                                  "shop/StatefulSet/db",
			"registry.example.com/log:1":                                 "shop/DaemonSet/log",
			"registry.example.com/once:1":                                "shop/Job/once",
			"registry.example.com/often:1":                               "shop/CronJob/often",
			"registry.example.com/form:1":                                "shop/PodTemplate/form",
		}, workloads)
	}
	for _, method := range methods() {
		require.Equal(t, http.MethodGet, method, "a cluster is only read")
	}
}

func TestAKindThatMayNotBeListedIsAnError(t *testing.T) {
	t.Parallel()
	kubeconfig, _ := apiServer(t, "/apis/batch/v1/jobs")
	w := newWorld(t)
	names, errs := w.list(target.Options{Kubeconfig: kubeconfig, Transport: nowhere}, "cluster:")
	require.Len(t, names, 10)
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], "listing the jobs of the cluster: the server answered 403 Forbidden")
	var failed *target.Error
	require.ErrorAs(t, errs[0], &failed)
	require.Contains(t, failed.Remedy(), "allow list")

	_, errs = w.list(target.Options{Kubeconfig: kubeconfig}, "cluster:other")
	require.ErrorContains(t, errs[0], `context "other" does not exist`)
}
