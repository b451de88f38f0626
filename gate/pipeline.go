package gate

import (
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// Images turns references into subjects. gate/image implements it.
type Images interface {
	// Resolve pins a reference to a digest; nothing after it sees the tag. A
	// reference that cannot be parsed is a *ReferenceError.
	Resolve(ctx context.Context, reference string) (Subject, error)
}

// Subject is an image or an index, pinned by digest.
type Subject interface {
	Reference() policy.Reference
	Digest() string
	MediaType() string
	// Platforms are the platform images: those of an index in its order, or the
	// one image itself. Attestation manifests are none.
	Platforms(ctx context.Context) ([]Platform, error)
	// Attachments are what lies beside the manifest with that digest (the
	// subject's or a platform image's) and claims to be a signature or an
	// attestation of it. All layouts are looked at, and nothing is verified. The error says
	// what could not be looked at; the attachments found until then are returned
	// with it.
	Attachments(ctx context.Context, digest string) ([]Attachment, error)
}

// Attachment is an unverified signature or attestation, as bytes.
type Attachment struct {
	// SubjectDigest is the digest of the manifest beside which it was found. What
	// it really is about only verification can tell.
	SubjectDigest string
	Layout        string // "tag", "referrer" or "layout"
	Source        string // manifest digest and layer, for messages
	// MediaType of the layer: simple signing, DSSE envelope or Sigstore bundle.
	MediaType   string
	Annotations map[string]string // of the layer
	Payload     []byte
	// Err says why the payload is missing: over a limit, or not fetched.
	Err error
}

// Platform is one platform image of a subject.
type Platform interface {
	Name() string // "linux/amd64"
	Digest() string
	Layers() int
	// LayerSizes are the layers from the base, with their compressed sizes.
	LayerSizes() []policy.LayerSize
	CompressedBytes() int64
	Config(ctx context.Context) (*v1.ConfigFile, error)
	// Files reads every layer once and merges them.
	Files(ctx context.Context) (FileTree, error)
}

// FileTree is the merged file tree of a platform image; Close frees its content.
type FileTree interface {
	sbom.Files
	io.Closer
}

// Rereadable is a FileTree that may lack content which is wanted after all
// (sbom.ErrNotKept): by its own name nobody would ask for it, or for no more than parts
// of it, and only a link gives the file a name of interest, as in images whose files lie
// under the digests of their content.
type Rereadable interface {
	FileTree

	// Again reads every layer, as if nothing was remembered, and keeps that content,
	// too. The tree must not be closed before it returns.
	Again(ctx context.Context) (FileTree, error)
}

// Verifier checks attachments against the signers that were fixed when it was
// built. gate/signature implements it.
type Verifier interface {
	Verify(ctx context.Context, digest string, attachments []Attachment) Verified
}

// Verified is what verification lets through, and why the rest stayed behind.
type Verified struct {
	Signatures   []policy.Signature
	Attestations []policy.Attestation
	Rejected     []policy.Rejection
}

// Inspector reads config and file tree. gate/inspect implements it.
type Inspector interface {
	// Config is what the config says by itself; a name as user stays unresolved.
	Config(*v1.ConfigFile) (policy.Config, []policy.Content)
	// Files resolves the user in the image's own passwd and finds what the
	// content rules ask for. The Content includes that of Config.
	Files(ctx context.Context, config *v1.ConfigFile, files sbom.Files) (policy.Inspection, error)
}

// Cataloger makes the bill of materials. sbom/catalog implements it.
type Cataloger interface {
	Catalog(ctx context.Context, image sbom.Image, files sbom.Files) (*sbom.Document, error)
}

// Matcher finds vulnerabilities in one database snapshot. sbom/vuln implements it.
type Matcher interface {
	Match(ctx context.Context, document *sbom.Document) ([]sbom.Vulnerability, error)
	// Database is the snapshot; the error says why there is none, with a remedy.
	Database() (*sbom.Database, error)
}
