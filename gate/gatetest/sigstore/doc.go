// Package sigstoretest is a private Sigstore instance inside the process: a
// certificate authority with an intermediate, a certificate transparency log, a
// transparency log that speaks Rekor v1 and v2, a timestamp authority, and the
// trusted_root.json by which a verifier knows them. It signs images and
// attestations with keys and without, in every layout cosign has written, and
// makes each thing that can be wrong with a signature on request.
//
//	world, err := sigstoretest.New()
//	signature, err := world.Sign(digest, sigstoretest.Identity{Subject: "ci@example.com", Issuer: "https://issuer.example.com"}, sigstoretest.Bundle)
//	err = sigstoretest.Push(repository, subject, []sigstoretest.Artifact{signature})
//
// What it makes are bytes, annotations and media types: hand them to a verifier
// as attachments, or push them beside an image. It uses no cosign, so that what
// verifies there was not made by the code that verifies it. Its secrets live as
// long as the process and are worth nothing; nothing of it belongs into a program
// that judges images.
package sigstoretest
