// Package target turns what a user wants scanned into references: a bounded stream
// that begins before the last registry page is read and never holds a whole
// registry.
//
// A target is one of
//
//	HOST[:PORT]                 every repository of a registry, by its catalog
//	HOST/team/**                repositories by a glob over the catalog; ** crosses
//	                            slashes, and * ? [a-z] {a,b} stay between them
//	HOST/REPOSITORY             every tag of one repository
//	HOST/REPOSITORY:v1.*        tags by a glob
//	HOST/REPOSITORY:TAG         one image, as `check` takes it; also @sha256:…
//	file:PATH and -             references from a file or standard input, one a line
//	oci:DIR                     an OCI layout, or every one in a folder
//	cluster:[CONTEXT]           the images of a cluster's workloads, read-only
//
// Without a slash, HOST has a dot or a port, or is "localhost". The other
// transports of `check` (oci-archive: and so on) are passed on as they are.
//
// Tags end here as far as they can: each is resolved to the digest that it names,
// with one request. Signatures, attestations and SBOMs that lie between the
// images, and other artifacts, are no images; they are told to whoever asks
// (Options.Skipped), so nothing disappears silently. That something is one of them is
// believed of its manifest, which no runtime could start, never of its name. What cannot be looked at
// is still a reference: the gate says why it cannot be judged.
//
// A registry or cluster that cannot be listed is an error of that target, and the
// others go on; whoever reads the stream must not take it for the whole then.
//
// The package refuses to know what is done with a reference, and how fast: every
// request goes through the transport that it is given. Everything that a registry
// sends is hostile: answers are bounded in bytes, lists in length, pages never lead
// to another host.
package target
