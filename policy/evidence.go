package policy

import (
	"time"

	"github.com/imagegate/imagegate/sbom"
)

// EvidenceVersion is the version of the JSON form of Evidence. Evidence of
// another version is not judged.
const EvidenceVersion = "1"

// Stage is where the question is asked.
type Stage string

// The stages.
const (
	StageBuild     Stage = "build"
	StageAdmission Stage = "admission"
	StageScan      Stage = "scan"
)

// Stages are all stages, in the order in which an image meets them.
func Stages() []Stage { return []Stage{StageBuild, StageAdmission, StageScan} }

// Step names a part of the collection of evidence.
type Step string

// The steps, in the order in which they run. Resolve and Signatures are of the
// subject, the others of each platform image.
const (
	StepResolve         Step = "resolve"
	StepSignatures      Step = "signatures"
	StepConfig          Step = "config"
	StepFiles           Step = "files"
	StepSBOM            Step = "sbom"
	StepVulnerabilities Step = "vulnerabilities"
)

// State is how a step ended.
type State string

// The states. The zero value is NotRun: evidence that nobody collected is never
// evidence of absence.
const (
	NotRun State = ""
	Done   State = "done"
	Failed State = "failed"
)

// Status is how one step ended. A step that failed is a fact, not a hole:
// Evaluate turns it into undecided for each rule that needs it.
type Status struct {
	State State `json:"state"`
	// Error says why it failed, for a person.
	Error string `json:"error,omitempty"`
	// Remedy is what to do next, where that is known.
	Remedy string `json:"remedy,omitempty"`
	// Transient failures (network, rate limit, deadline) may be gone in a minute.
	Transient bool `json:"transient,omitempty"`
}

// Evidence is every fact collected about one subject: plain data that can be
// stored and judged again without the registry. Everything in it that comes
// from an image or a registry is hostile text.
type Evidence struct {
	SchemaVersion string `json:"schemaVersion"`
	// Reference is what was typed.
	Reference Reference `json:"reference"`
	// Digest is what the reference meant when it was resolved ("sha256:…").
	Digest    string `json:"digest,omitempty"`
	MediaType string `json:"mediaType,omitempty"`

	Signatures   []Signature   `json:"signatures,omitempty"`
	Attestations []Attestation `json:"attestations,omitempty"`
	// Rejected are the attachments that did not verify, with reasons. They count
	// for nothing; they are there so that a refusal can say why.
	Rejected []Rejection `json:"rejected,omitempty"`

	Platforms []Platform      `json:"platforms,omitempty"`
	Database  *sbom.Database  `json:"database,omitempty"`
	TrustRoot string          `json:"trustRoot,omitempty"` // hash of the trusted root
	Steps     map[Step]Status `json:"steps"`
}

// Reference is what the user typed, taken apart.
type Reference struct {
	Typed string `json:"typed"`
	// Transport is "registry", "oci", "oci-archive", "docker-archive" or
	// "docker-daemon".
	Transport  string `json:"transport"`
	Registry   string `json:"registry,omitempty"`
	Repository string `json:"repository,omitempty"` // without the registry
	Tag        string `json:"tag,omitempty"`        // as typed or implied ("latest")
	ByDigest   bool   `json:"byDigest"`
}

// Signature is one verified signature by a signer that was asked for. Only
// package signature makes one.
type Signature struct {
	Signer   string `json:"signer"` // the policy's name for it
	Kind     string `json:"kind"`   // "key" or "keyless"
	Layout   string `json:"layout"` // "tag" (.sig), "referrer" (bundle) or "layout" (on disk)
	Identity string `json:"identity,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	// SubjectDigest is the digest that the payload names: the subject's, or that
	// of one of its platform images.
	SubjectDigest string `json:"subjectDigest"`
	// LoggedAt is the transparency log's time, SignedAt a timestamp authority's.
	LoggedAt *time.Time `json:"loggedAt,omitempty"`
	SignedAt *time.Time `json:"signedAt,omitempty"`
}

// Attestation is one verified in-toto statement by a signer that was asked for.
type Attestation struct {
	Signer        string     `json:"signer"`
	Kind          string     `json:"kind"`
	Layout        string     `json:"layout"`
	Identity      string     `json:"identity,omitempty"`
	Issuer        string     `json:"issuer,omitempty"`
	SubjectDigest string     `json:"subjectDigest"`
	PredicateType string     `json:"predicateType"`
	Predicate     []byte     `json:"predicate,omitempty"` // JSON
	LoggedAt      *time.Time `json:"loggedAt,omitempty"`
	SignedAt      *time.Time `json:"signedAt,omitempty"`
}

// Rejection is one attachment that proves nothing, and why.
type Rejection struct {
	SubjectDigest string `json:"subjectDigest"`
	Layout        string `json:"layout"`
	Source        string `json:"source"` // manifest digest and layer
	Reason        string `json:"reason"`
	// Unread says that it could not be fetched, so it might have been valid.
	Unread bool `json:"unread,omitempty"`
}

// Platform is the evidence about one platform image.
type Platform struct {
	Name            string               `json:"platform"` // "linux/amd64", "linux/arm64/v8"
	Digest          string               `json:"digest"`
	Config          Config               `json:"config"`
	Size            Size                 `json:"size"`
	Content         []Content            `json:"content"`
	Distribution    sbom.Distribution    `json:"distribution"`
	Packages        []sbom.Package       `json:"packages"`
	Gaps            []string             `json:"gaps,omitempty"`
	Vulnerabilities []sbom.Vulnerability `json:"vulnerabilities"`
	Steps           map[Step]Status      `json:"steps"`
}

// Config is what the image config says, and what it means in this image.
type Config struct {
	// User as written; UID and GID are nil until it could be resolved.
	User string `json:"user"`
	UID  *int64 `json:"uid"`
	GID  *int64 `json:"gid"`
	// UserError says why User could not be resolved.
	UserError    string            `json:"userError,omitempty"`
	Entrypoint   []string          `json:"entrypoint"`
	Cmd          []string          `json:"cmd"`
	WorkingDir   string            `json:"workingDir,omitempty"`
	Labels       map[string]string `json:"labels"`
	ExposedPorts []string          `json:"exposedPorts,omitempty"` // "8080/tcp", sorted
	Created      *time.Time        `json:"created,omitempty"`
	// DiffIDs of the layers, from the base ("sha256:…"). That the layers are those is
	// verified when they are read.
	DiffIDs []string `json:"diffIDs,omitempty"`
	// Runnable is nil until the files were read.
	Runnable *Runnable `json:"runnable,omitempty"`
}

// Runnable is whether the image's process could be started by its user.
type Runnable struct {
	OK bool `json:"ok"`
	// Path is the program that would be started, links followed.
	Path string `json:"path,omitempty"`
	// Reason says why not: which file or directory stands in the way of whom.
	Reason string `json:"reason,omitempty"`
}

// Size of a platform image.
type Size struct {
	CompressedBytes   int64           `json:"compressedBytes"`   // sum of the manifest's layer sizes
	UncompressedBytes int64           `json:"uncompressedBytes"` // sum over the final tree's regular files; 0 until read
	Files             int             `json:"files"`             // entries of the final tree; 0 until read
	Layers            int             `json:"layers"`
	LayerSizes        []LayerSize     `json:"layerSizes,omitempty"` // from the base, as the manifest has them
	Largest           []DirectorySize `json:"largest,omitempty"`    // at most ten, largest first
}

// LayerSize is one layer as the manifest states it.
type LayerSize struct {
	Digest string `json:"digest"` // of the compressed blob; not the diff id
	Bytes  int64  `json:"bytes"`  // compressed
}

// DirectorySize is how much one directory of the final tree holds, in bytes.
type DirectorySize struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// Class of a content finding.
type Class string

// The classes.
const (
	ClassShell          Class = "shell"
	ClassInterpreter    Class = "interpreter"
	ClassDebugTool      Class = "debugTool"
	ClassPackageManager Class = "packageManager"
	ClassSetuid         Class = "setuid"
	ClassSecret         Class = "secret"
)

// Content is one thing found in an image's files, environment, labels or history.
type Content struct {
	Class Class `json:"class"`
	// Path of the file, or "env:NAME", "label:NAME", "history:N".
	Path string `json:"path"`
	// Layer is the diff id of the layer that put it there.
	Layer string `json:"layer,omitempty"`
	// Via is how it was recognised: "path", "link" or "content".
	Via string `json:"via"`
	// Name of what it is ("bash", "busybox", "private key"). Never the secret.
	Name string `json:"name,omitempty"`
}

// Inspection is what reading the files of one platform image yields.
type Inspection struct {
	Config  Config // with UID, GID and Runnable filled in
	Size    Size   // UncompressedBytes, Files and Largest
	Content []Content
}
