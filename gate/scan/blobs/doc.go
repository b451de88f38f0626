// Package blobs keeps the layers that many images of a scan share, so that each is
// pulled once: an http.RoundTripper in front of the one that pulls, with a bounded
// folder of files named by digest.
//
// What an image is made of is remembered by package gate for the image as a whole.
// Three hundred images of twenty bases still are three hundred images, each to be
// read once: without this package each would pull its base again.
//
// A blob is kept only when all of it came and has its digest. Whoever asks for one that
// is on its way waits for it, for a while, and then pulls it, too. Nothing is
// believed: who reads verifies the digest as always, and a file that turns out to be
// another is removed. A full disk costs speed.
package blobs
