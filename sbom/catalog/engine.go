package catalog

import (
	syftsbom "github.com/anchore/syft/syft/sbom"

	"github.com/imagegate/imagegate/sbom"
)

// Engine returns the document in syft's own form, as Catalog or Decode made it,
// or nil where the document came from elsewhere. Matching reads it, so that what
// is matched is what was cataloged and nothing is converted twice.
func Engine(document *sbom.Document) *syftsbom.SBOM {
	if document == nil {
		return nil
	}
	engine, _ := document.Engine.(*syftsbom.SBOM)
	return engine
}
