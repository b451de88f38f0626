package admission

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
)

// image is one place of an object that names an image.
type image struct {
	path string // JSON pointer (RFC 6901) from the object; empty in an ImageReview
	name string // verbatim
}

// imagesOf are all places of a pod that name an image: init containers, containers,
// ephemeral containers and volumes. A test holds them against the API.
func imagesOf(spec *corev1.PodSpec, path string) []image {
	var list []image
	add := func(field string, i int, name, rest string) {
		list = append(list, image{path + "/" + field + "/" + strconv.Itoa(i) + rest, name})
	}
	for i := range spec.InitContainers {
		add("initContainers", i, spec.InitContainers[i].Image, "/image")
	}
	for i := range spec.Containers {
		add("containers", i, spec.Containers[i].Image, "/image")
	}
	for i := range spec.EphemeralContainers {
		add("ephemeralContainers", i, spec.EphemeralContainers[i].Image, "/image")
	}
	for i := range spec.Volumes {
		if source := spec.Volumes[i].Image; source != nil {
			add("volumes", i, source.Reference, "/image/reference")
		}
	}
	return list
}

// names are the distinct names, in their order. An empty one of a workload's
// template is left out: the pods that come of it cannot be created, and some
// controllers fill it in.
func names(images []image, template bool) []string {
	var list []string
	seen := map[string]bool{}
	for _, i := range images {
		if seen[i.name] || i.name == "" && template {
			continue
		}
		seen[i.name] = true
		list = append(list, i.name)
	}
	return list
}
