package admission

import "time"

// Limits bound what one review and all of them together may take. What is zero
// keeps its default.
type Limits struct {
	// BodyBytes of one request. Default 8 MiB: an object of the API server's own
	// 3 MiB, what it was before, and their frame.
	BodyBytes int64
	// Bodies that are read and decoded at once. Default 32.
	Bodies int
	// Reviews that wait for their answer at once; more are denied. Default 2000.
	Reviews int
	// Images of one review, each counted once. Default 100.
	Images int
	// Checks that run at once. Default 8; how many images are read at once is the
	// gate's own bound.
	Checks int
	// Waiting is how many checks there may be, run or not. Default 1000. What is
	// over it is denied.
	Waiting int
	// CheckTime is how long one check may take, in the background as well. Default
	// 10 minutes.
	CheckTime time.Duration
	// AnswerTime is within how long a review is answered, even if its request would
	// wait longer. Default 15 s: ImagePolicyWebhook waits 30, but an API server gives
	// up on what a user asked for after 34 (requestTimeoutUpperBound in
	// k8s.io/apiserver), in which /mutate and /validate are asked too, up to 10 s
	// each; and then the user sees a timeout and no reason.
	AnswerTime time.Duration
	// Verdicts that are remembered in this process. Default 10,000; each has at most
	// some kilobytes.
	Verdicts int
}

// maxReference is the longest image name that is asked about, in bytes: 255 for
// registry and repository, 128 for the tag, 71 for the digest, and their signs.
const maxReference = 512

func (l Limits) withDefaults() Limits {
	l.BodyBytes = either(l.BodyBytes, 8<<20)
	l.Bodies = either(l.Bodies, 32)
	l.Reviews = either(l.Reviews, 2000)
	l.Images = either(l.Images, 100)
	l.Checks = either(l.Checks, 8)
	l.Waiting = either(l.Waiting, 1000)
	l.CheckTime = either(l.CheckTime, 10*time.Minute)
	l.AnswerTime = either(l.AnswerTime, 15*time.Second)
	l.Verdicts = either(l.Verdicts, 10_000)
	return l
}

func either[T int | int64 | time.Duration](value, standard T) T {
	if value <= 0 {
		return standard
	}
	return value
}
