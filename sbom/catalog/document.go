package catalog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/anchore/syft/syft/file"
	"github.com/anchore/syft/syft/linux"
	"github.com/anchore/syft/syft/pkg"
	syftsbom "github.com/anchore/syft/syft/sbom"

	"github.com/imagegate/imagegate/sbom"
)

// maxPaths is how many of the files that are evidence of one package are named.
const maxPaths = 5

// newDocument says in our words what syft found.
func newDocument(engine *syftsbom.SBOM, gaps []string) *sbom.Document {
	return &sbom.Document{
		Distribution: distribution(engine.Artifacts.LinuxDistribution),
		Packages:     packages(engine.Artifacts.Packages),
		Gaps:         gaps,
		Engine:       engine,
	}
}

func distribution(release *linux.Release) sbom.Distribution {
	if release == nil {
		return sbom.Distribution{}
	}
	return sbom.Distribution{
		ID:        release.ID,
		VersionID: release.VersionID,
		Name:      release.PrettyName,
		Like:      release.IDLike,
		CPE:       release.CPEName,
	}
}

// packages are sorted, and a package that was found in several places is one.
func packages(collection *pkg.Collection) []sbom.Package {
	list := make([]sbom.Package, 0, collection.PackageCount())
	for p := range collection.Enumerate() {
		list = append(list, newPackage(p))
	}
	slices.SortFunc(list, func(a, b sbom.Package) int {
		return cmp.Or(compareIdentity(a, b), slices.Compare(a.Paths, b.Paths))
	})
	merged := list[:0]
	for _, p := range list {
		if last := len(merged) - 1; last >= 0 && compareIdentity(merged[last], p) == 0 {
			merged[last].Paths = mergePaths(merged[last].Paths, p.Paths)
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

func newPackage(p pkg.Package) sbom.Package {
	locations := p.Locations.ToSlice()
	slices.SortStableFunc(locations, func(a, b file.Location) int {
		return cmp.Or(evidenceRank(a)-evidenceRank(b), strings.Compare(a.Path(), b.Path()))
	})
	described := sbom.Package{Name: p.Name, Version: p.Version, Type: string(p.Type), PURL: p.PURL}
	for i, location := range locations {
		if i == 0 {
			described.Layer = location.FileSystemID
		}
		described.Paths = mergePaths(described.Paths, []string{location.Path()})
	}
	return described
}

// Primary says whether a location is the file that a package was read from, and
// not one that only supports it, such as its licence.
func Primary(location file.Location) bool {
	return location.Annotations[pkg.EvidenceAnnotationKey] == pkg.PrimaryEvidenceAnnotation
}

func evidenceRank(location file.Location) int {
	if Primary(location) {
		return 0
	}
	return 1
}

func mergePaths(paths, more []string) []string {
	for _, name := range more {
		if len(paths) < maxPaths && !slices.Contains(paths, name) {
			paths = append(paths, name)
		}
	}
	return paths
}

func compareIdentity(a, b sbom.Package) int {
	return cmp.Or(
		strings.Compare(a.Type, b.Type),
		strings.Compare(a.Name, b.Name),
		strings.Compare(a.Version, b.Version),
		strings.Compare(a.PURL, b.PURL),
	)
}
