// Package estate sums up what a scan found in a whole estate of images.
//
// A scan leaves one [Record] for each judged digest, as a line of JSON. This
// package writes and reads those lines, adds them up ([Estate], [Summary]) and
// shows the sum: as CSV, as Markdown, as metrics and as one page that needs no
// network (its writers: CSV, Markdown, Prometheus, HTML).
//
// It answers what nobody can see in a hundred thousand reports: how much is
// allowed, denied and undecided and for which reasons, which few packages or
// base layers, once fixed, mend most images, which exceptions end soon, and what
// changed since the scan before.
//
// It refuses to know how images are found, queued and judged: it does no I/O but
// on the readers and writers that it is given, has no clock, and makes no verdict.
// A record that cannot be read is an error, never an image that is left out.
//
// Everything in a record may come from an image or a registry and is hostile:
// lines are bounded when they are read and when they are written, and each writer
// escapes for its own format.
package estate
