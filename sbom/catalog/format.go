package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/anchore/syft/syft/format/common/cyclonedxhelpers"
	"github.com/anchore/syft/syft/format/common/spdxhelpers"
	"github.com/anchore/syft/syft/format/syftjson"
	syftsbom "github.com/anchore/syft/syft/sbom"
	syftsource "github.com/anchore/syft/syft/source"

	"github.com/imagegate/imagegate/sbom"
)

// Format is an SBOM format.
type Format string

// The formats that Encode writes. SyftJSON is the one that Decode reads, since it
// loses nothing.
const (
	SPDX      Format = "spdx-json"      // SPDX 2.3
	CycloneDX Format = "cyclonedx-json" // CycloneDX, the latest that syft knows
	SyftJSON  Format = "syft-json"
)

// Formats are all of them, in the order in which help names them.
func Formats() []Format { return []Format{SPDX, CycloneDX, SyftJSON} }

// ParseFormat reads the name of a format.
func ParseFormat(name string) (Format, error) {
	var names []string
	for _, format := range Formats() {
		if string(format) == name {
			return format, nil
		}
		names = append(names, string(format))
	}
	return "", fmt.Errorf("unknown SBOM format %q: choose one of %s", name, strings.Join(names, ", "))
}

var errNoEngine = errors.New("the document was not made by a cataloger or decoded from one's output")

// Encode writes a document that Catalog or Decode made. The same document gives the
// same bytes, but for the time of creation that SPDX demands.
func Encode(w io.Writer, document *sbom.Document, format Format) error {
	engine := Engine(document)
	if engine == nil {
		return fmt.Errorf("encoding as %s: %w", format, errNoEngine)
	}
	if err := encode(w, *engine, format); err != nil {
		return fmt.Errorf("encoding as %s: %w", format, err)
	}
	return nil
}

func encode(w io.Writer, engine syftsbom.SBOM, format Format) error {
	switch format {
	case SPDX:
		return encodeSPDX(w, engine)
	case CycloneDX:
		return encodeCycloneDX(w, engine)
	case SyftJSON:
		return syftjson.NewFormatEncoder().Encode(w, engine)
	default:
		_, err := ParseFormat(string(format))
		return err
	}
}

// encodeSPDX replaces the random part of the document's namespace (SPDX 2.3, clause
// 6.5) by the digest: it names this image's document, and only this one.
func encodeSPDX(w io.Writer, engine syftsbom.SBOM) error {
	document := spdxhelpers.ToFormatModel(engine)
	document.DocumentNamespace = "https://imagegate.dev/spdx/" + strings.ReplaceAll(manifestDigest(engine), ":", "/")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

// encodeCycloneDX makes the serial number a name-based UUID (RFC 9562, version 8) of
// the digest, and leaves out the timestamp, which CycloneDX does not demand.
func encodeCycloneDX(w io.Writer, engine syftsbom.SBOM) error {
	document := cyclonedxhelpers.ToFormatModel(engine)
	document.SerialNumber = "urn:uuid:" + uuidOf(manifestDigest(engine))
	document.Metadata.Timestamp = ""
	encoder := cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

// manifestDigest of the image that a document is about.
func manifestDigest(engine syftsbom.SBOM) string {
	if image, ok := engine.Source.Metadata.(syftsource.ImageMetadata); ok {
		return image.ManifestDigest
	}
	return engine.Source.ID
}

// MaxDocumentBytes bounds what Decode reads.
const MaxDocumentBytes = 256 << 20

// Decode reads a document in syft's JSON, so that it can be matched and judged again
// without the image. Its gaps are those that were written with it.
func Decode(r io.Reader) (*sbom.Document, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxDocumentBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the SBOM: %w", err)
	}
	if len(data) > MaxDocumentBytes {
		return nil, fmt.Errorf("reading the SBOM: it is larger than %d bytes", MaxDocumentBytes)
	}
	engine, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("decoding the SBOM: %w", err)
	}
	gaps, err := decodeGaps(engine)
	if err != nil {
		return nil, fmt.Errorf("decoding the SBOM: %w", err)
	}
	return newDocument(engine, gaps), nil
}

// decode contains a panic of the decoder, whose input is anyone's.
func decode(data []byte) (engine *syftsbom.SBOM, err error) {
	defer func() {
		if p := recover(); p != nil {
			engine, err = nil, fmt.Errorf("decoder panicked: %v", p)
		}
	}()
	engine, _, _, err = syftjson.NewFormatDecoder().Decode(bytes.NewReader(data))
	return engine, err
}

// decodeGaps reads what Catalog wrote into the descriptor. A document of the syft
// command has no gaps to tell of.
func decodeGaps(engine *syftsbom.SBOM) ([]string, error) {
	data, err := json.Marshal(engine.Descriptor.Configuration)
	if err != nil {
		return nil, fmt.Errorf("reading the descriptor: %w", err)
	}
	var c configured
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("reading the descriptor: %w", err)
	}
	return c.Gaps, nil
}
