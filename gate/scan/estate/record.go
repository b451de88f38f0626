package estate

import (
	"time"

	"github.com/imagegate/imagegate/policy"
)

// RecordVersion is the version of the JSON form of Record. Lines of another
// version are not read.
const RecordVersion = "1"

// Record is what one digest in one repository was judged to be, for one namespace:
// one line of the result of a scan. The same digest may be allowed in one
// repository, where it is signed, and denied in another.
type Record struct {
	SchemaVersion string `json:"schemaVersion"`
	// Scan is the id of the scan that it belongs to.
	Scan string `json:"scan"`
	// References are the names under which the digest was found in one repository,
	// sorted. There is at least one.
	References []string `json:"references"`
	// Digest of the index or image ("sha256:…"); empty where no reference resolved,
	// and then the verdict is not allow.
	Digest  string          `json:"digest"`
	Verdict policy.Decision `json:"verdict"`
	Stage   policy.Stage    `json:"stage"`
	// Namespace for which it was judged, where a cluster was scanned: a policy may
	// treat namespaces differently.
	Namespace string `json:"namespace,omitempty"`
	// PolicyHash and DatabaseBuilt say what judged. The latter is absent where no
	// database was asked.
	PolicyHash    string     `json:"policyHash,omitempty"`
	DatabaseBuilt *time.Time `json:"databaseBuilt,omitempty"`

	// Findings that did not pass or that an exception turned; those about single
	// vulnerabilities are put together, one of each rule, outcome and exception.
	Findings []Finding `json:"findings"`
	// Platforms are the platform images that were judged.
	Platforms []Platform `json:"platforms"`
	// Vulnerabilities that decided something or are known to be exploited, one of
	// each package over all platforms. Severities count all of them by their word.
	Vulnerabilities []Vulnerability `json:"vulnerabilities"`
	Severities      map[string]int  `json:"severities,omitempty"`
	// Omitted counts what was left out of the lists to keep the line bounded, by
	// the name of the list.
	Omitted map[string]int `json:"omitted,omitempty"`

	JudgedAt time.Time `json:"judgedAt"`
	// Milliseconds that judging took.
	Milliseconds int64 `json:"milliseconds,omitempty"`
	// PulledBytes came from the registry for this digest; SavedBytes are those of
	// its layers that did not have to.
	PulledBytes int64 `json:"pulledBytes"`
	SavedBytes  int64 `json:"savedBytes"`
	// Cache says what was remembered instead of done, as in gate.Result.
	Cache map[string]string `json:"cache,omitempty"`
	// Worker that judged, where there are several.
	Worker string `json:"worker,omitempty"`
	// Error says why there is no verdict but undecided, where no finding does: the
	// image killed its workers, or could not be asked for.
	Error string `json:"error,omitempty"`
}

// Finding is one rule's answer in short form.
type Finding struct {
	Rule     string         `json:"rule"`
	Outcome  policy.Outcome `json:"outcome"`
	Platform string         `json:"platform,omitempty"` // empty: the subject, or several
	Message  string         `json:"message"`
	Remedy   string         `json:"remedy,omitempty"`
	// Exception that turned it or that it is about.
	Exception *Exception `json:"exception,omitempty"`
	// Count of findings that this one stands for, the first of them; 0 means 1.
	Count int `json:"count,omitempty"`
}

// Exception is who accepted something until when.
type Exception struct {
	// About is what it accepts: a vulnerability or a rule, and where.
	About   string    `json:"about"`
	Owner   string    `json:"owner"`
	Reason  string    `json:"reason,omitempty"`
	Expires time.Time `json:"expires"`
}

// Platform is one platform image.
type Platform struct {
	Platform string `json:"platform"` // "linux/amd64"
	Digest   string `json:"digest"`
	// Layers from the base, as the manifest has them.
	Layers   []Layer `json:"layers,omitempty"`
	Packages int     `json:"packages"`
}

// Layer is one layer as the manifest states it.
type Layer struct {
	Digest string `json:"digest"` // of the compressed blob
	Bytes  int64  `json:"bytes"`  // compressed
}

// Vulnerability is one vulnerability of one package.
type Vulnerability struct {
	ID       string   `json:"id"`
	Package  string   `json:"package"`
	Version  string   `json:"version"`
	Type     string   `json:"type"` // of the package: "deb", "go-module", …
	Severity string   `json:"severity"`
	CVSS     *float64 `json:"cvss,omitempty"` // 0 to 10; absent where nobody scored
	FixedIn  []string `json:"fixedIn,omitempty"`
	KEV      bool     `json:"kev,omitempty"`
	// Outcome of the finding about it; empty where it decided nothing.
	Outcome policy.Outcome `json:"outcome,omitempty"`
	// Layer is the diff id of the layer that brought the package, where that is known.
	Layer string `json:"layer,omitempty"`
}
