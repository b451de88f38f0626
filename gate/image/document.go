package image

import (
	"bytes"
	"encoding/json"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// document is a manifest or an index whose bytes were verified: exactly one of
// image and index is set.
type document struct {
	digest    v1.Hash
	mediaType types.MediaType
	raw       []byte
	image     *v1.Manifest
	index     *v1.IndexManifest
}

// parseDocument reads a manifest or an index. A document that could be read as
// either, or that its registry calls one thing and itself another, is refused:
// a runtime might read it the other way (CVE-2021-41190).
func parseDocument(raw []byte, digest v1.Hash, called string) (document, error) {
	var shape struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Manifests     json.RawMessage `json:"manifests"`
		Layers        json.RawMessage `json:"layers"`
		Config        json.RawMessage `json:"config"`
		FSLayers      json.RawMessage `json:"fsLayers"`
	}
	if err := json.Unmarshal(raw, &shape); err != nil {
		return document{}, refuse("manifest %s is no JSON document: %s", digest, err)
	}
	d := document{digest: digest, raw: raw, mediaType: types.MediaType(shape.MediaType)}
	asImage, asIndex := shape.Layers != nil || shape.Config != nil, shape.Manifests != nil
	switch {
	case shape.SchemaVersion == 1, shape.FSLayers != nil, d.mediaType.IsSchema1(), types.MediaType(called).IsSchema1():
		return document{}, (&refused{message: "manifest " + digest.String() + " has schema 1, which binds no config and cannot be judged"}).
			advising("push the image again with a builder of this decade")
	case asImage && asIndex:
		return document{}, refuse("manifest %s could be read as an image and as an index", digest)
	case !asImage && !asIndex:
		return document{}, refuse("manifest %s is neither an image nor an index", digest)
	}
	if err := d.settleType(called, asIndex); err != nil {
		return document{}, err
	}
	return d, d.decode(raw)
}

// settleType takes the media type that the document gives itself, else that of
// whoever sent it, else the one of the OCI image spec.
func (d *document) settleType(called string, isIndex bool) error {
	if d.mediaType == "" && (types.MediaType(called).IsImage() || types.MediaType(called).IsIndex()) {
		d.mediaType = types.MediaType(called)
	}
	if d.mediaType == "" {
		d.mediaType = types.OCIManifestSchema1
		if isIndex {
			d.mediaType = types.OCIImageIndex
		}
	}
	for _, claim := range []types.MediaType{d.mediaType, types.MediaType(called)} {
		if isIndex && claim.IsImage() || !isIndex && claim.IsIndex() {
			return refuse("manifest %s is called %q, which it is not", d.digest, claim)
		}
	}
	if !d.mediaType.IsImage() && !d.mediaType.IsIndex() {
		return refuse("manifest %s has the unknown media type %q", d.digest, d.mediaType)
	}
	return nil
}

func (d *document) decode(raw []byte) (err error) {
	if d.mediaType.IsIndex() {
		d.index, err = v1.ParseIndexManifest(bytes.NewReader(raw))
	} else {
		d.image, err = v1.ParseManifest(bytes.NewReader(raw))
	}
	if err != nil {
		return refuse("manifest %s cannot be read: %s", d.digest, err)
	}
	return nil
}

// isImageConfig says whether a manifest is that of a container image, and not of
// something else that is kept in registries (charts, plugins, signatures).
func isImageConfig(m *v1.Manifest) bool {
	return m.Config.MediaType.IsConfig()
}

// whatItIs names an artifact that is no image.
func whatItIs(m *v1.Manifest) string {
	if m.ArtifactType != "" {
		return m.ArtifactType
	}
	return strings.TrimSpace(string(m.Config.MediaType))
}
