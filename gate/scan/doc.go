// Package scan judges many images: every one that somebody names, once, whatever is
// killed meanwhile. This is how a target becomes a page.
//
//	target      registry.example.com/team/**        package target lists references,
//	  │                                             each with the digest it means now
//	  ▼
//	Scan.Run    one Unit for each digest, repository and namespace, in the order of
//	  │         its Class; signatures belong to a repository, and a policy may treat
//	  │         repositories and namespaces differently, so no verdict is taken over
//	  │         from one to another. What is in the layers is, through gate.Memory.
//	  ▼
//	work queue  a JetStream stream: imagegate.work.SCAN.CLASS.DIGEST.PLACE
//	  │
//	  ▼
//	Worker      pulls a unit, asks its Judge (a gate at stage scan, through
//	  │         packages blobs and pace: each layer is pulled once, and no faster
//	  │         than its registry likes), tells the queue meanwhile that it is alive
//	  ▼
//	results     a JetStream stream: imagegate.result.SCAN.DIGEST.PLACE, one
//	  │         estate.Record each. Only when it is stored, the unit is acknowledged.
//	  ▼
//	Scan.Run    hands each record on as it comes (JSON lines); when none is missing,
//	            package estate makes the page
//	  │
//	  ▼
//	Scan.Finish says that it has ended, once all of that is written down; until then
//	            it can be resumed
//
// # Nothing is lost, nothing is judged twice
//
// Both streams hold one message for each subject and refuse a second, so the server
// itself keeps what the rules are: a unit that waits is not queued again, and a unit
// that was answered is not answered again. Whoever dies holds at most the units that
// were in flight; their messages come back when AckWait has passed without a sign of
// life. A scanner that dies is resumed: it reads the results that there are, lists its
// targets again, and queues what has no result.
//
// Two units of one digest are never in flight together, on however many machines:
// the second is queued when the first has its result, and finds the facts
// remembered. So no layer is pulled twice for them.
//
// An image that kills its worker is delivered again. After the third time its unit is
// parked: its record is undecided and says so. A worker that ends in order gives its
// units back, which does not count; nor does a registry that asks to come back later.
//
// # Order
//
// What was pushed last week first, as far as registries tell; then what was never
// judged; then what was judged longest ago. It is an order of classes, each a
// consumer of its own, so that a list that is still being read does not hold anybody
// up.
//
// # What it refuses to know
//
// How references are listed, how an image is judged, and what a page looks like. It
// makes no verdict but one: undecided, where there is no answer. Records from the
// queue are bounded and checked when they are read; who may publish there is trusted
// (see package jetstream).
package scan
