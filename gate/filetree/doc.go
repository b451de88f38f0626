// Package filetree reads the layers of an image, each once and as a stream, and
// merges them into the one file tree that everything which looks inside an image
// looks at.
//
//	store := filetree.NewStore(limits)           // holds kept content, counts what is held
//	layer, err := store.ReadLayer(ctx, diffID, uncompressed, rules)
//	tree, err := store.Merge(ctx, layers)        // an sbom.Files, safe for concurrent use
//
// A Layer is the list of what one tar states: metadata of every entry, and the content
// that the rules keep, of programs only parts. It knows nothing of other layers, so one Layer can
// be merged into any number of trees. Merge applies layers in order.
//
// # What a layer means
//
// The words are those of the OCI image specification (layer.md, "Applying
// Changesets"); where it is silent the tree shows what a node shows that unpacks
// with containerd or docker onto overlayfs, which is nearly every node:
//
//   - A whiteout hides what lower layers put there, never what its own layer
//     does, wherever in the tar it stands. Of a directory that its own layer states
//     again, unpackers disagree whether the lower content is left: if there is
//     any, it is an *EntryError.
//   - Entries apply in the order of the tar, so the last of several of one name
//     wins. A directory over a directory changes its metadata only; every other
//     combination replaces, links included.
//   - A parent directory that is a link of the same layer is followed within the
//     tree. A link (or file) of a lower layer in the place of a parent is
//     replaced by a directory, since a layer is unpacked into a directory of its
//     own, where the link is not seen, and a directory above hides a link below.
//     Nothing that the link led to is touched: an entry "bin/.wh.sh" above
//     "bin -> usr/bin" hides no shell.
//   - A hard link is another name of the same file; its header sets that file's
//     owner and permissions, as unpacking does. A hard link to what is not there
//     (yet) makes an image that cannot be unpacked, and is an *EntryError.
//   - Names never lead out of the tree: ".." stops at the root, links are
//     resolved against the root of the image, and nothing of the host is opened.
//
// # What it costs
//
// About 32 bytes for each entry of a layer and 60 for each name in a tree, besides
// the names themselves, which only the layer holds; none of it has pointers for the
// garbage collector to follow (package dense). Kept content stays in memory up to
// Limits.Memory; what is beyond that, and every large file, goes to one unnamed
// temporary file. Everything that an image can make large is bounded by Limits, and
// going over one is a *LimitError that names it.
//
// The package knows neither registries nor compression nor digests: gate/image
// hands it the uncompressed stream, which it reads to the end, so that digests
// taken over the stream are complete. It judges nothing.
package filetree
