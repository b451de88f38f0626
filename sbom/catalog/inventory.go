package catalog

import (
	"github.com/anchore/syft/syft/artifact"
	"github.com/anchore/syft/syft/pkg"
	syftsbom "github.com/anchore/syft/syft/sbom"

	"github.com/imagegate/imagegate/sbom"
)

// EncodeInventory writes what of a document matters for matching, in a form that
// DecodeDocument reads: the packages and how they relate to each other. Left out
// is what lists of files make large: which file belongs to which package is kept
// only for the files that packages were found in.
func (c Codec) EncodeInventory(document *sbom.Document) ([]byte, error) {
	engine := Engine(document)
	if engine == nil {
		return nil, errNoEngine
	}
	lean := inventoryOf(*engine)
	return c.EncodeDocument(&sbom.Document{Engine: &lean})
}

func inventoryOf(engine syftsbom.SBOM) syftsbom.SBOM {
	lean := engine
	lean.Artifacts = syftsbom.Artifacts{Packages: pkg.NewCollection(), LinuxDistribution: engine.Artifacts.LinuxDistribution}
	foundIn := map[string]bool{}
	for p := range engine.Artifacts.Packages.Enumerate() {
		for _, location := range p.Locations.ToUnorderedSlice() {
			foundIn[location.RealPath] = true
		}
	}
	for p := range engine.Artifacts.Packages.Enumerate() {
		p.Metadata = withFewFiles(p.Metadata, foundIn)
		lean.Artifacts.Packages.Add(p)
	}
	lean.Relationships = betweenPackages(engine.Relationships)
	return lean
}

// withFewFiles drops the files that nothing was found in from what a package
// manager lists. The packages keep their ids, which relationships name.
func withFewFiles(metadata any, foundIn map[string]bool) any {
	switch m := metadata.(type) {
	case pkg.DpkgDBEntry:
		m.Files = only(m.Files, func(f pkg.DpkgFileRecord) bool { return foundIn[f.Path] })
		return m
	case pkg.RpmDBEntry:
		m.Files = only(m.Files, func(f pkg.RpmFileRecord) bool { return foundIn[f.Path] })
		return m
	case pkg.ApkDBEntry:
		m.Files = only(m.Files, func(f pkg.ApkFileRecord) bool { return foundIn[f.Path] })
		return m
	}
	return metadata
}

// only is a new list: the document keeps its own.
func only[T any](list []T, keep func(T) bool) []T {
	kept := []T{}
	for _, item := range list {
		if keep(item) {
			kept = append(kept, item)
		}
	}
	return kept
}

func betweenPackages(list []artifact.Relationship) []artifact.Relationship {
	return only(list, func(r artifact.Relationship) bool {
		_, from := r.From.(pkg.Package)
		_, to := r.To.(pkg.Package)
		return from && to
	})
}
