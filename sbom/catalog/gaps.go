package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anchore/syft/syft/pkg"
	syftsbom "github.com/anchore/syft/syft/sbom"

	"github.com/imagegate/imagegate/sbom"
)

// maxUnknowns is how many files that could not be understood are named one by one.
const maxUnknowns = 50

// configured is what a document in syft's JSON says about how it was made. The gaps
// are in it, so that a stored document is not judged as more than it was.
type configured struct {
	Gaps       []string `json:"gaps"`
	Cataloging any      `json:"cataloging,omitempty"`
}

// gaps are the reasons to doubt that the packages are all that is in the image.
func (r *resolver) gaps(image sbom.Image, engine *syftsbom.SBOM) ([]string, error) {
	gaps := unknowns(engine)
	installed, hasDatabase := systemPackage(engine)
	switch release := engine.Artifacts.LinuxDistribution; {
	case strings.HasPrefix(image.Platform, "windows/"):
		gaps = append(gaps, "a Windows image: which updates are installed cannot be read from its files")
	case hasDatabase && (release == nil || release.ID == ""):
		gaps = append(gaps, fmt.Sprintf("there are %s packages, but no os-release: their distribution is unknown", installed))
	case !hasDatabase:
		program, loader, err := r.dynamicProgram()
		if err != nil {
			return nil, err
		}
		if program != "" {
			gaps = append(gaps, fmt.Sprintf("%s is dynamically linked (%s), but there is no package database: what the system libraries are is unknown", program, loader))
		}
	}
	return gaps, nil
}

// systemTypes are the packages of an operating system: whoever installed them also
// installed the C library.
var systemTypes = []pkg.Type{pkg.DebPkg, pkg.RpmPkg, pkg.ApkPkg, pkg.AlpmPkg, pkg.PortagePkg, pkg.NixPkg}

// systemPackage is the type of the packages of the image's operating system. All of
// them are looked at: whoever stops halfway leaves a goroutine of syft's behind for
// ever, and with it the whole document.
func systemPackage(engine *syftsbom.SBOM) (found pkg.Type, ok bool) {
	for p := range engine.Artifacts.Packages.Enumerate(systemTypes...) {
		if !ok || p.Type < found {
			found, ok = p.Type, true
		}
	}
	return found, ok
}

// dynamicProgram is the first program whose dynamic loader is in the image.
func (r *resolver) dynamicProgram() (program, loader string, err error) {
	byType, err := r.executables()
	if err != nil {
		return "", "", r.fail(err)
	}
	var candidates []int32
	for _, nodes := range byType {
		candidates = append(candidates, nodes...)
	}
	slices.Sort(candidates)
	for _, n := range candidates {
		content, err := r.open(n)
		if err != nil {
			return "", "", err
		}
		loader := interpreter(content)
		_ = content.Close()
		if end, _, ok := r.tree.resolve(clean(loader)); loader != "" && ok && !r.tree.isDirectory(end) {
			return r.tree.path(n), loader, r.err()
		}
	}
	return "", "", r.err()
}

// noPackageLost are parts of messages that tell of no missing package: the file was
// read and describes none, or it would have told more about a package that was found.
// Every other unknown is a file that was not understood.
var noPackageLost = []string{
	"no package identified in archive",
	"unable to determine packages",
	"no pecl package found",
	"no pear package found",
	"unable to read golang symbol info",
	"failed to find mtree file",
	"failed to find alpm files",
}

func losesNoPackage(reason string) bool {
	return slices.ContainsFunc(noPackageLost, func(part string) bool { return strings.Contains(reason, part) })
}

// unknowns names the files that a cataloger took for a package's and could not
// parse, sorted by path.
func unknowns(engine *syftsbom.SBOM) []string {
	var gaps []string
	written := goPrograms(engine)
	for coordinates, reasons := range engine.Artifacts.Unknowns {
		for _, reason := range reasons {
			stray := written[coordinates.RealPath] && strings.Contains(reason, strayMarker)
			if !stray && !losesNoPackage(reason) {
				gaps = append(gaps, fmt.Sprintf("could not understand %s: %s", coordinates.FullNestedPath(), firstLine(reason)))
			}
		}
	}
	slices.Sort(gaps)
	gaps = slices.Compact(gaps)
	if more := len(gaps) - maxUnknowns; more > 0 {
		gaps = append(gaps[:maxUnknowns], fmt.Sprintf("could not understand %d more files", more))
	}
	return gaps
}

// strayMarker is said of a program that holds the marker of a .NET single-file bundle,
// but no bundle: one that looks for the marker holds it too, as this one does. Of a
// program that Go has linked nothing else can be meant.
const strayMarker = "bundle header offset"

// goPrograms are the paths at which Go programs were found.
func goPrograms(engine *syftsbom.SBOM) map[string]bool {
	paths := map[string]bool{}
	for p := range engine.Artifacts.Packages.Enumerate(pkg.GoModulePkg) {
		for _, location := range p.Locations.ToSlice() {
			paths[location.RealPath] = true
		}
	}
	return paths
}

// maxReason is how many bytes of a parser's message are worth keeping: it can quote
// the file.
const maxReason = 300

func firstLine(reason string) string {
	reason, _, _ = strings.Cut(reason, "\n")
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return reason
}
