// Package vex reads what somebody says about vulnerabilities in products (the
// Vulnerability Exploitability eXchange): OpenVEX 0.2 documents, and CSAF 2.0
// documents of the profile csaf_vex, as statements of one form.
//
// A statement names vulnerabilities, products and a status. It is about an image
// if a product is the image (by its pkg:oci package URL with a digest or a
// repository, or by its digest) and the statement's subcomponents are none or
// have the package, or if a product is the package itself, by its package URL.
// What a product's name leaves out (a version, a qualifier) it does not care
// about; what it has must be so.
//
// A product that is named by the CPE of a distribution, as vendors of distributions
// do in CSAF, is the images whose os-release has that CPE, and only its packages that
// the statement names as components are meant: a word about a distribution says
// nothing of what was added to it. CPEs of applications are about nothing that is
// known here, since a bill of materials only guesses at them.
//
// Documents are bounded in bytes, nesting and number of statements. The package
// refuses to know who may say what: a document that was read is believed, and
// whoever reads one has decided that.
package vex
