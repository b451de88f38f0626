package policy

import "time"

// Exception accepts what a rule would refuse, for a time, on somebody's
// responsibility. Owner, Reason and Expires are required.
type Exception struct {
	// Rule is the id of the excepted rule; "vulnerabilities" where Vulnerability
	// is set.
	Rule string `json:"rule,omitempty" yaml:"rule,omitempty"`
	// Vulnerability is an id or alias, Package a package name; an empty Package
	// means any.
	Vulnerability string `json:"vulnerability,omitempty" yaml:"vulnerability,omitempty"`
	Package       string `json:"package,omitempty" yaml:"package,omitempty"`
	// Path limits an exception of a content rule to one file.
	Path string `json:"path,omitempty" yaml:"path,omitempty"`
	// Images are globs over registry/repository; empty means every image.
	Images  []string  `json:"images,omitempty" yaml:"images,omitempty"`
	Owner   string    `json:"owner" yaml:"owner"`
	Reason  string    `json:"reason" yaml:"reason"`
	Expires time.Time `json:"expires" yaml:"expires"` // the first moment at which it no longer holds
}
