// Package signature decides which attachments of an image are signatures and
// attestations by somebody the policy names. Unverified bytes go in, verified
// statements come out, and for everything else a reason: the two never share a
// type.
//
// It is given attachments as bytes and knows no registry, no Rekor, no Fulcio
// and no TUF: nothing in it opens a connection. Whether m of n signers suffice,
// and what an attestation must say, is policy's to judge.
//
// # What counts
//
// A signature is a simple signing payload, or a Sigstore bundle whose statement
// has predicate type [SignPredicate]; every other statement is an attestation,
// however it is labelled beside the payload. Either counts only if
//
//   - it names the digest that was asked for,
//   - a key or certificate of a named signer made it,
//   - a certificate was valid at a proven time, was issued by the trusted root's
//     authority, and is in its certificate transparency log,
//   - and the transparency log entry and timestamp satisfy the options.
//
// # Hostile input
//
// Everything in an attachment belongs to whoever could push beside the image.
// Bytes, JSON depth and values are bounded before anything parses them, the
// number of attachments and the total time before anything verifies them; each
// attachment is verified by itself, and a library that panics over one of them
// costs only that one. What a limit kept from being looked at is reported as
// unread, since it might have been valid.
//
// Cosign is imported here and nowhere else; its options are made in one function.
package signature
