package target

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// workload is what of any kind that runs containers tells which images it runs.
type workload struct {
	Metadata metav1.ObjectMeta
	Spec     struct {
		containers // of a pod
		Template   template
		// JobTemplate of a CronJob.
		JobTemplate struct{ Spec struct{ Template template } }
	}
	// Template of a PodTemplate.
	Template template
	Status   struct {
		ContainerStatuses, InitContainerStatuses, EphemeralContainerStatuses []corev1.ContainerStatus
	}
}

type template struct{ Spec containers }

type containers struct {
	Containers, InitContainers, EphemeralContainers []struct{ Name, Image string }
	Volumes                                         []struct{ Image *struct{ Reference string } }
}

// references are the images of a workload, each once. What runs is named by its
// digest; what would run, as the workload names it.
func (w workload) references(kind string) []Reference {
	if kind != "Pod" && metav1.GetControllerOf(&w.Metadata) != nil {
		return nil // its owner is listed too; an old ReplicaSet of a Deployment runs nothing
	}
	running := w.running()
	var list []Reference
	seen := map[string]bool{}
	add := func(image string) {
		full, ok := fullName(image)
		if ok && !seen[full] {
			seen[full] = true
			list = append(list, Reference{Name: full, Workload: w.Metadata.Namespace + "/" + kind + "/" + w.Metadata.Name})
		}
	}
	for _, c := range []containers{w.Spec.containers, w.Spec.Template.Spec, w.Spec.JobTemplate.Spec.Template.Spec, w.Template.Spec} {
		for _, group := range [][]struct{ Name, Image string }{c.InitContainers, c.Containers, c.EphemeralContainers} {
			for _, one := range group {
				if pinned, ok := running[one.Name]; ok {
					add(pinned)
				} else {
					add(one.Image)
				}
			}
		}
		for _, volume := range c.Volumes {
			if volume.Image != nil {
				add(volume.Image.Reference)
			}
		}
	}
	return list
}

// running are the images of a pod's containers by digest, as the container runtime
// reports them. An id without a repository is of a local image: nobody else can
// fetch it, and then its name has to do.
func (w workload) running() map[string]string {
	pinned := map[string]string{}
	for _, group := range [][]corev1.ContainerStatus{w.Status.InitContainerStatuses, w.Status.ContainerStatuses, w.Status.EphemeralContainerStatuses} {
		for _, status := range group {
			_, id, found := strings.Cut(status.ImageID, "://") // docker-pullable://
			if !found {
				id = status.ImageID
			}
			if _, err := name.NewDigest(id, name.WeakValidation); err == nil {
				pinned[status.Name] = id
			}
		}
	}
	return pinned
}

// fullName writes a name in full, so that one image has one name. One that cannot
// be read stays as it is: the gate says what is wrong with it.
func fullName(image string) (string, bool) {
	if image == "" {
		return "", false
	}
	if reference, err := name.ParseReference(image, name.WeakValidation); err == nil {
		return reference.Name(), true
	}
	return image, true
}
