package target

import (
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifest is what of any kind of manifest tells what it is.
type manifest struct {
	MediaType    types.MediaType
	ArtifactType string
	Config       v1.Descriptor
	Layers       []v1.Descriptor
	Manifests    []v1.Descriptor
	Annotations  map[string]string
}

// besideAnother is what signatures, attestations and SBOMs are told to be.
const besideAnother = "what belongs to another image"

// maxBeside is how many manifests of an index are looked at before it is taken for an
// image.
const maxBeside = 20

// whatElse says what a manifest is that is no image; empty where it is one or may
// be one. A runtime starts nothing whose config is of another type, but it does not
// ask for the artifactType: that alone hides nothing.
func whatElse(m manifest) string {
	config := m.Config.MediaType
	switch {
	case m.MediaType.IsIndex() || len(m.Manifests) > 0:
		return ""
	case config == "" || config == types.DockerConfigJSON || config == types.OCIConfigJSON:
		return "" // without a config it is of an old kind, which the gate refuses by name
	case m.ArtifactType != "":
		return m.ArtifactType
	default:
		return string(config)
	}
}

// runs says whether a runtime could start something of a manifest, whatever name it
// has: an image config and a layer that can be unpacked, in it or in one that it
// lists. What cannot be looked at may run.
func (m manifest) runs(child func(v1.Hash) (manifest, error)) bool {
	if len(m.Manifests) > maxBeside {
		return true
	}
	for _, entry := range m.Manifests {
		c, err := child(entry.Digest)
		if err != nil || len(c.Manifests) > 0 || c.starts() {
			return true
		}
	}
	return len(m.Manifests) == 0 && m.starts()
}

func (m manifest) starts() bool {
	if whatElse(m) != "" {
		return false
	}
	for _, layer := range m.Layers {
		if layer.MediaType == "" || layer.MediaType.IsLayer() || strings.Contains(string(layer.MediaType), "tar") {
			return true
		}
	}
	return false
}
