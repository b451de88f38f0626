package admission_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/imagegate/imagegate/gate/admission"
)

// capturedAdmission is the frame that kube-apiserver 1.37 puts around a pod.
const capturedAdmission = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"0f4f9d3a-51f9-4c42-9f41-5d6e7a3b1c11",
"kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},
"requestKind":{"group":"","version":"v1","kind":"Pod"},"requestResource":{"group":"","version":"v1","resource":"pods"},
"name":"p","namespace":"default","operation":"CREATE","userInfo":{"username":"admin","uid":"1","groups":["system:masters","system:authenticated"]},
"object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"default","creationTimestamp":null,"managedFields":[{"manager":"kubectl-run","operation":"Update","apiVersion":"v1","time":"2026-11-23T12:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{}}}]},
"spec":{"volumes":[{"name":"v","image":{"reference":"ROOT","pullPolicy":"IfNotPresent"}}],
"initContainers":[{"name":"i","image":"GOOD","resources":{"limits":{"cpu":"100m"}}}],
"containers":[{"name":"c","image":"GOOD","resources":{},"livenessProbe":{"httpGet":{"path":"/","port":8080}}}],
"restartPolicy":"Always","somethingOfALaterVersion":{"x":1}},"status":{}},
"oldObject":null,"dryRun":false,"options":{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1","fieldManager":"kubectl-run"}}}`

func TestCapturedAdmissionReview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.admitRaw("/validate?timeout=5s", w.captured(capturedAdmission))
	require.EqualValues(t, "0f4f9d3a-51f9-4c42-9f41-5d6e7a3b1c11", got.UID)
	require.False(t, got.Allowed)
	require.EqualValues(t, 403, got.Result.Code)
	require.True(t, strings.HasPrefix(got.Result.Message, w.named("root:1")+": config.nonRoot: "), got.Result.Message)
	require.Equal(t, w.good.String()+","+w.root.String(), got.AuditAnnotations["digest"])
	requireAuditKeys(t, got.AuditAnnotations)
}

// requireAuditKeys holds keys against what an API server accepts after the "/": a
// name of at most 63 characters.
func requireAuditKeys(t *testing.T, annotations map[string]string) {
	t.Helper()
	for key := range annotations {
		require.Regexp(t, `^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`, key)
	}
}

// TestEveryImageOfAPodIsFound walks the API's own type: a field that names an image
// and that nobody here has heard of fails the test when the module is updated.
func TestEveryImageOfAPodIsFound(t *testing.T) {
	t.Parallel()
	var found []string
	var walk func(at string, of reflect.Type, depth int)
	walk = func(at string, of reflect.Type, depth int) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || depth > 6 {
			return
		}
		for i := range of.NumField() {
			f := of.Field(i)
			name := strings.ToLower(f.Name)
			isText := f.Type.Kind() == reflect.String
			if isText && (strings.HasSuffix(name, "image") || of.Name() == "ImageVolumeSource" && name == "reference") {
				found = append(found, at+"."+f.Name)
			}
			walk(at+"."+f.Name, f.Type, depth+1)
		}
	}
	walk("spec", reflect.TypeFor[corev1.PodSpec](), 0)
	require.ElementsMatch(t, []string{
		"spec.Volumes.VolumeSource.Image.Reference", "spec.InitContainers.Image", "spec.Containers.Image",
		"spec.EphemeralContainers.EphemeralContainerCommon.Image",
		"spec.Volumes.VolumeSource.RBD.RBDImage", // a block device, no container image
	}, found)
}

func podOf(images ...string) corev1.PodSpec {
	var spec corev1.PodSpec
	for _, image := range images {
		spec.Containers = append(spec.Containers, corev1.Container{Name: "c", Image: image})
	}
	return spec
}

func templateOf(images ...string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{Spec: podOf(images...)}
}

func TestWorkloadsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for kind, make := range map[metav1.GroupVersionKind]func(corev1.PodTemplateSpec) any{
		{Version: "v1", Kind: "PodTemplate"}: func(p corev1.PodTemplateSpec) any { return corev1.PodTemplate{Template: p} },
		{Version: "v1", Kind: "ReplicationController"}: func(p corev1.PodTemplateSpec) any {
			return corev1.ReplicationController{Spec: corev1.ReplicationControllerSpec{Template: &p}}
		},
		{Group: "apps", Version: "v1", Kind: "Deployment"}: func(p corev1.PodTemplateSpec) any {
			return appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: p}}
		},
		{Group: "apps", Version: "v1", Kind: "StatefulSet"}: func(p corev1.PodTemplateSpec) any {
			return appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Template: p}}
		},
		{Group: "apps", Version: "v1", Kind: "DaemonSet"}: func(p corev1.PodTemplateSpec) any {
			return appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{Template: p}}
		},
		{Group: "apps", Version: "v1", Kind: "ReplicaSet"}: func(p corev1.PodTemplateSpec) any {
			return appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Template: p}}
		},
		{Group: "batch", Version: "v1", Kind: "Job"}: func(p corev1.PodTemplateSpec) any { return batchv1.Job{Spec: batchv1.JobSpec{Template: p}} },
		{Group: "batch", Version: "v1", Kind: "CronJob"}: func(p corev1.PodTemplateSpec) any {
			return batchv1.CronJob{Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: p}}}}
		},
	} {
		t.Run(kind.Kind, func(t *testing.T) {
			create := func(images ...string) *admissionv1.AdmissionResponse {
				return w.admit("/validate", admissionv1.AdmissionRequest{
					Kind: kind, Namespace: "default", Operation: admissionv1.Create, Object: raw(t, make(templateOf(images...))),
				})
			}
			require.True(t, create(w.named("good:1")).Allowed)
			require.True(t, create("").Allowed, "its pods will be refused")
			got := create(w.named("good:1"), w.named("root:1"))
			require.False(t, got.Allowed)
			require.Contains(t, got.Result.Message, "nonRoot")
		})
	}
	none := w.admit("/validate", admissionv1.AdmissionRequest{
		Kind: metav1.GroupVersionKind{Version: "v1", Kind: "ReplicationController"}, Object: raw(t, corev1.ReplicationController{}),
	})
	require.True(t, none.Allowed)
}

// What nobody can judge is refused where it is sent, so that a hole in a webhook's
// rules is seen.
func TestUnknownKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admission.WithExemptNamespaces("kube-*"))
	request := admissionv1.AdmissionRequest{
		Kind: metav1.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"}, Namespace: "default", Object: raw(t, map[string]any{"spec": 1}),
	}
	require.Contains(t, w.admit("/validate", request).Result.Message, "Rollout")
	require.False(t, w.admit("/mutate", request).Allowed)
	request.Operation = admissionv1.Delete
	require.True(t, w.admit("/validate", request).Allowed, "nothing begins to run")
	request.Operation, request.Namespace = admissionv1.Create, "kube-system"
	got := w.admit("/validate", request)
	require.True(t, got.Allowed)
	require.Equal(t, "exempt", got.AuditAnnotations["verdict"])
}

func podRequest(t *testing.T, operation admissionv1.Operation, spec corev1.PodSpec) admissionv1.AdmissionRequest {
	return admissionv1.AdmissionRequest{
		Kind: metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}, Namespace: "default", Operation: operation,
		Object: raw(t, corev1.Pod{Spec: spec}),
	}
}

// An update that changes no image can keep passing; one that brings a bad one in
// cannot.
func TestKeepAdmitted(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		var options []admission.Option
		if keep {
			options = append(options, admission.WithKeepAdmitted())
		}
		w := newWorld(t, options...)
		label := podRequest(t, admissionv1.Update, podOf(w.named("root:1")))
		label.OldObject = label.Object
		require.Equal(t, keep, w.admit("/validate", label).Allowed)

		change := podRequest(t, admissionv1.Update, podOf(w.named("root:1")))
		change.OldObject = raw(t, corev1.Pod{Spec: podOf(w.named("good:1"))})
		require.False(t, w.admit("/validate", change).Allowed)

		spec := podOf(w.named("root:1"))
		spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Image: w.named("good:1")}}}
		debug := podRequest(t, admissionv1.Update, spec)
		debug.OldObject, debug.SubResource = label.Object, "ephemeralcontainers"
		require.Equal(t, keep, w.admit("/validate", debug).Allowed)

		create := podRequest(t, admissionv1.Create, podOf(w.named("root:1")))
		create.OldObject = label.Object
		require.False(t, w.admit("/validate", create).Allowed, "nothing was there before")
	}
}

// Who may not be stopped is told; what is audited is not said to them.
func TestWarnings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := podRequest(t, admissionv1.Create, podOf(w.named("root:1")))
	request.Namespace = "warned"
	got := w.admit("/validate", request)
	require.True(t, got.Allowed)
	require.Len(t, got.Warnings, 1)
	require.Contains(t, got.Warnings[0], w.named("root:1")+": config.nonRoot: ")
	require.LessOrEqual(t, len(got.Warnings[0]), 256)
	request.Namespace = "audited"
	got = w.admit("/validate", request)
	require.True(t, got.Allowed)
	require.Empty(t, got.Warnings)
	require.Contains(t, got.AuditAnnotations["image-0"], "config.nonRoot")
}

// Tags are pinned to what they mean, everywhere in a pod, and a second time there is
// nothing to do.
func TestMutatePins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, admission.WithPinning([]string{"*"}, []string{"gitops-*"}))
	byDigest := w.named("root@" + w.root.String())
	spec := podOf(w.named("good:1"), byDigest)
	spec.InitContainers = []corev1.Container{{Image: w.named("root:1")}}
	spec.Volumes = []corev1.Volume{{Name: "e"}, {VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: w.named("good:1")}}}}
	request := podRequest(t, admissionv1.Create, spec)
	got := w.admit("/mutate", request)
	require.True(t, got.Allowed)
	require.Equal(t, admissionv1.PatchTypeJSONPatch, *got.PatchType)
	var patch []map[string]string
	require.NoError(t, json.Unmarshal(got.Patch, &patch))
	op := func(op, path, value string) map[string]string {
		return map[string]string{"op": op, "path": path, "value": value}
	}
	good, root := w.named("good:1@"+w.good.String()), w.named("root:1@"+w.root.String())
	require.Equal(t, []map[string]string{
		op("test", "/spec/initContainers/0/image", w.named("root:1")), op("replace", "/spec/initContainers/0/image", root),
		op("test", "/spec/containers/0/image", w.named("good:1")), op("replace", "/spec/containers/0/image", good),
		op("test", "/spec/volumes/1/image/reference", w.named("good:1")), op("replace", "/spec/volumes/1/image/reference", good),
	}, patch)

	again := podRequest(t, admissionv1.Create, podOf(good, root, byDigest))
	require.Empty(t, w.admit("/mutate", again).Patch)
	request.Namespace = "gitops-shop"
	require.Empty(t, w.admit("/mutate", request).Patch)

	// What runs is not restarted for a label.
	label := podRequest(t, admissionv1.Update, spec)
	label.OldObject = label.Object
	require.Empty(t, w.admit("/mutate", label).Patch)

	// A node might pull another image than was judged: no digest, no pod.
	missing := podRequest(t, admissionv1.Create, podOf(w.named("missing:1"), "no image"))
	got = w.admit("/mutate", missing)
	require.False(t, got.Allowed)
	require.Empty(t, got.Patch)
	require.Len(t, lines(got.Result.Message), 2)
	require.Contains(t, got.Result.Message, w.named("missing:1")+": resolve: the tag could not be pinned: ")
}

func TestMutateTemplates(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		var options []admission.Option
		if on {
			options = append(options, admission.WithPinnedTemplates())
		}
		w := newWorld(t, options...)
		got := w.admit("/mutate", admissionv1.AdmissionRequest{
			Kind: metav1.GroupVersionKind{Group: "batch", Version: "v1", Kind: "CronJob"}, Namespace: "default", Operation: admissionv1.Create,
			Object: raw(t, batchv1.CronJob{Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: templateOf(w.named("good:1"))}}}}),
		})
		require.True(t, got.Allowed)
		require.Equal(t, on, strings.Contains(string(got.Patch), "/spec/jobTemplate/spec/template/spec/containers/0/image"))
	}
}
