// Package breakglass lets an image run that the gate refuses, by the word of
// somebody who answers for it.
//
// That word is a token: a signed JSON Web Token (RFC 7519) in one annotation of
// a pod, [Annotation]. It names the digests that may run, the one namespace in
// which they may, who asked (owner), why (reason), an id to find it by in logs,
// and when it ends. Free text opens nothing, and neither does a token that is
// too old, too long-lived, for another digest, for another namespace, or signed
// by a key that the gate was not given.
//
// # What is pinned
//
// The algorithm is a property of the key that the gate was given (Ed25519 signs
// EdDSA, P-256 signs ES256) and never of the token: "none" and keyed hashes do
// not parse (RFC 8725, 3.1 and 3.2). The type in the header is our own, so that
// a token made for something else with the same key is none of ours (3.11), and
// so is the audience (3.9). A claim that is unknown is an error, since it may be
// a restriction that a later version wrote. The time is asked per call.
//
// # What it refuses to know
//
// What an image is, and why it was refused. It says whether a token is a grant
// and whether the grant covers a digest in a namespace; to whom that matters, and
// that each use is recorded, is up to gate/admission. It does no I/O.
package breakglass
