package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"

	syftsource "github.com/anchore/syft/syft/source"

	"github.com/imagegate/imagegate/sbom"
)

// Codec is how documents are remembered: in syft's JSON, whole or as far as
// matching needs it. It implements gate.Codec.
type Codec struct{}

// EncodeDocument writes a document that Catalog or Decode made.
func (Codec) EncodeDocument(document *sbom.Document) ([]byte, error) {
	var b bytes.Buffer
	if err := Encode(&b, document, SyftJSON); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// DecodeDocument reads what EncodeDocument or EncodeInventory wrote, under the name by which the image
// is asked for now.
func (Codec) DecodeDocument(data []byte, image sbom.Image) (*sbom.Document, error) {
	document, err := Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	engine := Engine(document)
	if digest := manifestDigest(*engine); digest != image.Digest {
		return nil, fmt.Errorf("decoding the SBOM: it is about %s, not %s", digest, image.Digest)
	}
	if made, ok := engine.Source.Metadata.(syftsource.ImageMetadata); ok {
		image.Labels = made.Labels // the digest's, and so they are what they were
	}
	engine.Source = (&source{image: image}).Describe()
	return document, nil
}

// plainForm is a value as its JSON is read back, so that a document is written
// alike whether it was remembered or not.
func plainForm(value any) (plain any, err error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("describing the configuration: %w", err)
	}
	return plain, json.Unmarshal(data, &plain)
}
