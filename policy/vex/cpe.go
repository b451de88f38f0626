package vex

import (
	"regexp"
	"strings"
)

// cpe is the part of a Common Platform Enumeration name (NIST IR 7695) that says which
// system it means: vendor, product and version. Empty means any.
type cpe struct{ vendor, product, version string }

// cpeName takes a name apart: a URI binding (cpe:/o:vendor:product:version) or a
// formatted string (cpe:2.3:o:vendor:product:version). Only operating systems, and the
// applications that vendors call their repositories, are systems.
var cpeName = regexp.MustCompile(`^cpe:(?:/|2\.3:)[oa]:([^:]+):([^:]+)(?::([^:]*))?`)

func parseCPE(name string) (cpe, bool) {
	m := cpeName.FindStringSubmatch(strings.ToLower(name))
	if m == nil {
		return cpe{}, false
	}
	parsed := cpe{m[1], m[2], m[3]}
	if parsed.version == "*" || parsed.version == "-" {
		parsed.version = ""
	}
	return parsed, true
}

// sameSystem says whether a product is the distribution of an image, or one of its
// releases that the image has: "8" is 8.6 too. Parts and editions are left out, since
// vendors call their repositories by them (…:8::appstream) and images say another one
// (…:8::baseos).
func sameSystem(product, image string) bool {
	p, known := parseCPE(product)
	i, has := parseCPE(image)
	if !known || !has || p.vendor != i.vendor || p.product != i.product {
		return false
	}
	return p.version == "" || p.version == i.version || strings.HasPrefix(i.version, p.version+".")
}
