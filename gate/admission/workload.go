package admission

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// object is what a review is about: a pod, or something that makes pods.
type object struct {
	annotations map[string]string // of the pods
	images      []image
	template    bool // the pods are yet to be made
}

// template takes the pod template out of one kind of object.
type template func(raw []byte) (*corev1.PodTemplateSpec, string, error)

// of decodes an object of type T and finds its pod template, which lies at path.
func of[T any](path string, find func(*T) *corev1.PodTemplateSpec) template {
	return func(raw []byte) (*corev1.PodTemplateSpec, string, error) {
		var o T
		if err := unmarshal(raw, &o); err != nil {
			return nil, "", err
		}
		return find(&o), path, nil
	}
}

// kinds are the objects that are known. Whatever else makes pods is not told at
// once; its pods are judged.
var kinds = map[metav1.GroupVersionKind]template{
	{Version: "v1", Kind: "Pod"}: of("", func(p *corev1.Pod) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}
	}),
	{Version: "v1", Kind: "PodTemplate"}: of("/template", func(o *corev1.PodTemplate) *corev1.PodTemplateSpec { return &o.Template }),
	{Version: "v1", Kind: "ReplicationController"}: of("/spec/template", func(o *corev1.ReplicationController) *corev1.PodTemplateSpec {
		return o.Spec.Template // nil where there is none
	}),
	{Group: "apps", Version: "v1", Kind: "Deployment"}:  of("/spec/template", func(o *appsv1.Deployment) *corev1.PodTemplateSpec { return &o.Spec.Template }),
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}: of("/spec/template", func(o *appsv1.StatefulSet) *corev1.PodTemplateSpec { return &o.Spec.Template }),
	{Group: "apps", Version: "v1", Kind: "DaemonSet"}:   of("/spec/template", func(o *appsv1.DaemonSet) *corev1.PodTemplateSpec { return &o.Spec.Template }),
	{Group: "apps", Version: "v1", Kind: "ReplicaSet"}:  of("/spec/template", func(o *appsv1.ReplicaSet) *corev1.PodTemplateSpec { return &o.Spec.Template }),
	{Group: "batch", Version: "v1", Kind: "Job"}:        of("/spec/template", func(o *batchv1.Job) *corev1.PodTemplateSpec { return &o.Spec.Template }),
	{Group: "batch", Version: "v1", Kind: "CronJob"}: of("/spec/jobTemplate/spec/template", func(o *batchv1.CronJob) *corev1.PodTemplateSpec {
		return &o.Spec.JobTemplate.Spec.Template
	}),
}

// readObject finds the images of an object. One of a kind that is not known is an
// error: whoever sends it here expects that it is judged.
func readObject(kind metav1.GroupVersionKind, raw []byte) (object, error) {
	read, ok := kinds[kind]
	if !ok {
		return object{}, fmt.Errorf("objects of kind %s are not judged here: take them out of the rules of the webhook", printable(kind.String()))
	}
	pod, path, err := read(raw)
	if err != nil {
		return object{}, fmt.Errorf("the %s cannot be read: %w", printable(kind.Kind), err)
	}
	if pod == nil {
		return object{template: true}, nil
	}
	return object{annotations: pod.Annotations, images: imagesOf(&pod.Spec, path+"/spec"), template: path != ""}, nil
}
