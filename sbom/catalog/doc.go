// Package catalog turns the file tree of a platform image into a bill of
// materials, and a bill of materials into SPDX, CycloneDX or syft JSON and back.
//
// The packages are found by syft's own catalogers, unchanged: this package only
// stands in for syft's reading of images. A Resolver answers the catalogers'
// questions ("which files match **/lib/dpkg/status") from an sbom.Files, with the
// answers that syft's resolver for the squashed scope would give, so that the
// packages equal those of the syft and grype commands on the same image.
//
//	sbom.Files ─► tree (index) ─► resolver ─► syft ─► document, gaps
//
// Catalogers are forgiving: what they cannot open or parse they log and leave
// out. A gate cannot be. So the resolver itself remembers every content that it
// could not give, and Catalog then fails; what a cataloger found but could not
// understand becomes one of the document's Gaps.
//
// The package knows no registry, no layer format and no vulnerability. It is the
// only one that imports syft. It reaches for no network and sets no global: syft's
// process-wide logger and event bus stay as they were found. One thing it takes from
// inside syft, by name and held to its source by a test: who classifies licence texts
// (scanner.go).
package catalog
