package image

import "time"

// Limits bound what is fetched of one image; filetree.Limits bound what its layers
// may hold. Everything over a limit is an error
// that names the limit; nothing is cut off silently. Bytes are bytes as sent
// unless a name says otherwise. Zero means the default.
type Limits struct {
	// ManifestBytes of one manifest, index or referrers list. Default 4 MiB, which
	// is what registries accept at most (OCI distribution spec).
	ManifestBytes int64
	// ConfigBytes of an image config. Default 8 MiB.
	ConfigBytes int64
	// Manifests that an index may list, nested indexes included. Default 250.
	Manifests int
	// IndexDepth is how deep indexes may be nested. Default 3.
	IndexDepth int
	// Layers of one image. Default 512; image builders stop at 127.
	Layers int
	// CompressedBytes of all layers of one image. Default 32 GiB.
	CompressedBytes int64
	// Ratio of uncompressed to compressed bytes of one layer, beyond its first
	// 64 MiB. Default 250; tar archives of programs are below 20.
	Ratio int64
	// ArchiveEntries of an oci-archive or docker-archive. Default 20000.
	ArchiveEntries int
	// EngineBytes of what a Docker engine sends for one image. Default 32 GiB.
	EngineBytes int64

	// Attachments listed beside one digest, over all layouts. Default 50.
	Attachments int
	// AttachmentBytes of one signature, attestation or bundle. Default 8 MiB: an
	// attested SBOM of a large image has several.
	AttachmentBytes int64
	// AttachmentsBytes of all attachments of one digest. Default 32 MiB.
	AttachmentsBytes int64
	// AttachmentsTime to look at one digest. Default 1 minute.
	AttachmentsTime time.Duration
}

const (
	kib = int64(1) << 10
	mib = kib << 10
	gib = mib << 10
)

// ratioGrace is how many uncompressed bytes a layer may have whatever its ratio:
// a small layer of zeros is no bomb.
const ratioGrace = 64 * mib

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	fill(&l.ManifestBytes, 4*mib)
	fill(&l.ConfigBytes, 8*mib)
	fill(&l.Manifests, 250)
	fill(&l.IndexDepth, 3)
	fill(&l.Layers, 512)
	fill(&l.CompressedBytes, 32*gib)
	fill(&l.Ratio, 250)
	fill(&l.ArchiveEntries, 20000)
	fill(&l.EngineBytes, 32*gib)
	fill(&l.Attachments, 50)
	fill(&l.AttachmentBytes, 8*mib)
	fill(&l.AttachmentsBytes, 32*mib)
	fill(&l.AttachmentsTime, time.Minute)
	return l
}

func fill[T int | int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
