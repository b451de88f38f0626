package vuln

import (
	"errors"
	"slices"
	"strings"

	"github.com/anchore/grype/grype/distro"
	"github.com/anchore/grype/grype/pkg"

	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// errNoEngine is returned for a document that sbom/catalog did not make.
var errNoEngine = errors.New("matching packages with vulnerabilities: the document was not made by the cataloger")

// ownedByFile is syft's name for "the files of this package belong to that one".
const ownedByFile = "ownership-by-file-overlap"

// inventory is a document in the form in which grype matches it.
type inventory struct {
	packages []pkg.Package
	context  pkg.Context
	// stated is the distribution in the image's own words, which grype may not know.
	stated string
}

// inventoryOf makes what the grype command makes of the same packages. The
// command's own function reads an SBOM from a file only; a test compares the two.
func inventoryOf(document *sbom.Document) (inventory, error) {
	engine := catalog.Engine(document)
	if engine == nil || engine.Artifacts.Packages == nil {
		return inventory{}, errNoEngine
	}
	image := distro.FromRelease(engine.Artifacts.LinuxDistribution, distro.DefaultFixChannels())
	packages := pkg.FromCollection(engine.Artifacts.Packages, engine.Relationships, pkg.SynthesisConfig{})
	if image != nil {
		for _, p := range packages {
			if p.Distro == nil {
				p.Distro = image
			}
		}
	}
	packages = slices.DeleteFunc(packages, coveredByOwner)
	return inventory{
		packages: pkg.FromPtrs(packages),
		context: pkg.Context{
			Source:                &engine.Source,
			Distro:                image,
			DistroDetectionFailed: image == nil && engine.Artifacts.LinuxDistribution != nil,
		},
		stated: strings.TrimSpace(document.Distribution.ID + " " + document.Distribution.VersionID),
	}, nil
}

// coveredByOwner says whether p is part of a distribution's package that is
// matched itself, so that p would only repeat or contradict it: a Python library
// in a Debian package has Debian's fixes.
func coveredByOwner(p *pkg.Package) bool {
	return slices.ContainsFunc(p.RelatedPackages[ownedByFile], func(owner *pkg.Package) bool {
		if owner == nil || owner.Distro == nil || !similarVersions(owner.Version, p.Version) {
			return false
		}
		return p.Type == "binary" || ofDistribution(owner) && !ofDistribution(p) && listsUnfixed(owner.Distro)
	})
}

// similarVersions compares "3.9.2" with "3.9.2-1"; names are no help, since a
// distribution calls python "python3.9".
func similarVersions(a, b string) bool {
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// ofDistribution says whether the package was installed by a distribution's own
// package manager.
func ofDistribution(p *pkg.Package) bool {
	switch p.Type {
	case "deb", "rpm", "apk", "alpm", "portage":
		return true
	default:
		return false
	}
}

// listsUnfixed says whether the distribution publishes vulnerabilities that it
// has not fixed. Only then does its silence about a library mean something.
func listsUnfixed(d *distro.Distro) bool {
	if d.Type == distro.AmazonLinux { // "like rhel", but its feed is not
		return false
	}
	return slices.ContainsFunc(append([]string{d.Name()}, d.IDLike...), func(name string) bool {
		return slices.ContainsFunc(exhaustive, func(t distro.Type) bool { return strings.EqualFold(string(t), name) })
	})
}

var exhaustive = []distro.Type{
	distro.ArchLinux, distro.Azure, distro.Debian, distro.Mariner,
	distro.RedHat, distro.SLES, distro.Ubuntu,
}
