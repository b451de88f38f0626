package image

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/imagegate/imagegate/gate"
)

// Layouts of attachments, as gate.Attachment has them.
const (
	layoutTag      = "tag"      // cosign's tags beside the image
	layoutReferrer = "referrer" // OCI 1.1 referrers, by API or fallback tag
	layoutDisk     = "layout"   // whatever lies beside the image in an OCI layout
)

// What a layer must be to be an attachment. Neither artifactType nor annotations
// are asked: registries report the one in different ways, and anybody can write
// the other.
const (
	typeSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	typeDSSE          = "application/vnd.dsse.envelope.v1+json"
	typeBundlePrefix  = "application/vnd.dev.sigstore.bundle."
)

// besideTag matches cosign's tags and the fallback tag of the referrers API.
var besideTag = regexp.MustCompile(`^sha(256|512)-[0-9a-f]{64,128}(\.[a-z]+)?$`)

// tagFor is the tag beside a digest: ".sig", ".att", or none for the fallback tag
// (OCI distribution spec, "Referrers Tag Schema").
func tagFor(digest v1.Hash, suffix string) string {
	return digest.Algorithm + "-" + digest.Hex + suffix
}

// candidate is one layer that claims to be a signature or an attestation.
type candidate struct {
	layout   string
	manifest v1.Hash
	layer    v1.Descriptor
}

func (c candidate) source() string {
	return fmt.Sprintf("layer %s of %s", c.layer.Digest, c.manifest)
}

// allLayers are the candidates of a manifest that stands under one of cosign's
// tags: there, everything claims to be one.
func allLayers(layout string, d document) []candidate {
	list := make([]candidate, len(d.image.Layers))
	for i, layer := range d.image.Layers {
		list[i] = candidate{layout, d.digest, layer}
	}
	return list
}

// signatureLayers are the candidates of a manifest that refers to the digest: the
// one bundle in it, or the layers of cosign's older formats. Other referrers (an
// SBOM, a report) have none.
func signatureLayers(layout string, d document) []candidate {
	var list []candidate
	for _, layer := range d.image.Layers {
		switch mediaType := string(layer.MediaType); {
		case strings.HasPrefix(mediaType, typeBundlePrefix) && len(d.image.Layers) == 1,
			mediaType == typeSimpleSigning, mediaType == typeDSSE:
			list = append(list, candidate{layout, d.digest, layer})
		}
	}
	return list
}

// collector gathers the attachments of one digest within the limits, and the
// reasons why some could not be looked at.
type collector struct {
	from       source
	digest     v1.Hash
	limits     Limits
	candidates []candidate
	errs       []error
}

func newCollector(from source, digest v1.Hash, limits Limits) *collector {
	return &collector{from: from, digest: digest, limits: limits}
}

// add takes candidates up to the limit. That there are more is an error beside
// those that are read: nobody can hide that by adding many.
func (c *collector) add(list []candidate) {
	room := c.limits.Attachments - len(c.candidates)
	if len(list) > room {
		c.fail(overLimit("Attachments", int64(c.limits.Attachments), "there are more signatures and attestations"))
		list = list[:room]
	}
	c.candidates = append(c.candidates, list...)
}

func (c *collector) fail(err error) {
	if err != nil {
		c.errs = append(c.errs, err)
	}
}

// maxPayloadReads is how many payloads are read at once.
const maxPayloadReads = 4

// fetch reads the payloads. One that cannot be read carries its own error, and
// takes nothing from the others.
func (c *collector) fetch(ctx context.Context) ([]gate.Attachment, error) {
	attachments := make([]gate.Attachment, len(c.candidates))
	var group errgroup.Group
	group.SetLimit(maxPayloadReads)
	budget := c.limits.AttachmentsBytes
	for i, candidate := range c.candidates {
		a := &attachments[i]
		*a = gate.Attachment{
			SubjectDigest: c.digest.String(), Layout: candidate.layout, Source: candidate.source(),
			MediaType: string(candidate.layer.MediaType), Annotations: candidate.layer.Annotations,
		}
		if err := c.admit(candidate.layer, &budget); err != nil {
			a.Err = failed(err, "reading %s", a.Source)
			continue
		}
		group.Go(func() error {
			payload, err := readBlob(ctx, c.from, candidate.layer)
			if err != nil {
				a.Err = failed(err, "reading %s", a.Source)
				return nil
			}
			a.Payload = payload
			return nil
		})
	}
	_ = group.Wait() // each attachment keeps its own error
	return attachments, errors.Join(c.errs...)
}

// admit checks what a descriptor states before anything of it is fetched.
func (c *collector) admit(layer v1.Descriptor, budget *int64) error {
	if layer.Size < 0 || layer.Size > c.limits.AttachmentBytes {
		return overLimit("AttachmentBytes", c.limits.AttachmentBytes, "a payload of %d bytes", layer.Size)
	}
	if layer.Size > *budget {
		return overLimit("AttachmentsBytes", c.limits.AttachmentsBytes, "all payloads together")
	}
	*budget -= layer.Size
	return nil
}
