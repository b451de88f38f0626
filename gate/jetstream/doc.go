// Package jetstream is the way to NATS JetStream: a server inside this process, or
// one elsewhere. Whoever holds a [Connection] cannot tell which.
//
//	Embed     a server in this process, its streams in a folder; no port is opened
//	          unless asked for, and then on loopback with a random token
//	Attach    the embedded server of another process, found through its folder
//	Dial      a server or cluster elsewhere, with what users of nats.go know: user and
//	          token in the URL, a credentials file, certificates, a NATS context
//
// It knows nothing of images, scans or verdicts. Package scan keeps its queue here,
// and [Entries] is a memory for package store.
//
// # Entries
//
// Entries implements store.Backend over one JetStream key-value bucket, which the nats
// command can look into as into any other. It is the key-value store and not the
// object store, because nearly all entries are a few kilobytes and a key-value Get is
// one message, answered by any replica, where an object needs a consumer of its
// own. What is larger than a message is split: the first part says how many there
// are. Parts of two writers that mix are found out by the seal of package store,
// as is anything else that somebody wrote into the bucket.
//
// A bucket that is full drops what was written first, not what is new. Its memory is
// one that may be lost: if the connection is gone, every Get is a miss after a
// bounded wait, the following ones for a few seconds without any, and a Put is
// dropped. That costs time and never changes a verdict.
//
// # Whom it trusts
//
// The server, with everything but the entries: who may publish in its account can
// ask for images to be judged, and answer. Give a scan an account of its own.
package jetstream
