// Package gate answers one question about a container image, with evidence: may
// it run?
//
// An image becomes a verdict in one function, [Gate.Ask], which reads like this
// list:
//
//	reference → digest           Images       tags end here
//	          → signatures       Verifier     only verified ones come out
//	          → config and files Inspector    each layer is read once, as a stream
//	          → document         Cataloger    the bill of materials, per platform
//	          → vulnerabilities  Matcher      against one named database snapshot
//	          → verdict          policy       a pure function of the evidence
//
// The package owns the order of the steps and nothing else. What a step does is
// behind an interface of pipeline.go, implemented by a package that wraps one
// engine: gate/image (registries, layouts, archives), gate/signature (cosign),
// gate/inspect (config and content rules), sbom/catalog (syft) and sbom/vuln
// (grype). cmd/imagegate/wire.go alone joins them. So this package compiles
// in a second, and it refuses to know any engine, any format of a report and
// any command line.
//
// # Three outcomes
//
// A verdict is allow, deny or undecided, and undecided is never confused with
// the others: it means that the image could not be judged, because a registry was
// down, a layer unreadable, a distribution unknown, a database missing. A step
// that fails is therefore a fact in the evidence (policy.Status), not a hole,
// and package policy turns it into undecided for each rule that needs it. Check
// returns an error only where the question itself makes no sense.
//
// # What is hostile
//
// Everything that comes from an image, a registry or a file. The engines bound
// what they read in bytes, count, depth and time; Check bounds the whole in time
// and contains a panic of any step as a failure of that step. Nothing of an
// image is executed.
//
// # What is remembered
//
// Facts that are as permanent as the bytes of an image (Memory): each step looks
// there first and does nothing that is known. Verdicts are not remembered, nor is
// anything that failed; a front end that answers from older verdicts (gate/admission)
// keeps them itself, under everything that could change them. Platform images are read side by side under one bound for
// all checks of a Gate, and one digest is read once however many ask for it.
//
// # What is trusted
//
// Policy, signers, trusted root and database are fixed when a Gate is built and
// named with their hashes in every Report. A Gate is immutable and safe for
// concurrent use; only the reference, the stage and the namespace are asked per call.
package gate
