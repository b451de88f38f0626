// Package image turns references into bytes that can be judged: a reference into
// a digest, a digest into platform images, a platform image into its config and
// its file tree, and a digest into the unverified signatures and attestations
// that lie beside it.
//
// There are five transports: registries (OCI distribution spec), OCI layouts in a
// directory or a tar archive (OCI image layout spec), archives of `docker save`,
// and a Docker engine through its socket. All of them give manifests and blobs by
// digest; what is done with these is the same code for all.
//
// Everything that comes from outside is hostile. A tag is looked up once, and
// from then on only digests are asked for. No byte is believed before its digest
// is verified: manifests, configs, compressed layers, and the uncompressed layers
// against the diff ids of the config. Every read has a limit in bytes, every list
// one in length, every wait one in time (see Limits). Names inside a layout or
// an archive cannot lead out of it. A layer's urls are never followed, plain HTTP
// is refused except for loopback and the registries it was asked for, and
// credentials go to the registry they are for and the token service that it names,
// never along a redirect. References that anybody may have written, as those of
// pods, are bounded further (WithStrangers): to allowed registries, to addresses
// outside, and to registries alone.
//
// One thing is written: Images.Push copies a subject that was judged to a tag of a
// registry, exactly the bytes that its digest names, and AttachSignature puts a
// signature beside it. Whether that may be is the caller's to know.
//
// The package decides nothing. It knows no policy, verifies no signature, looks
// at no file of an image, and runs nothing.
package image
