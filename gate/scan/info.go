package scan

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// State of a scan.
type State string

// The states. A scan whose scanner was killed is still running: Resume goes on with
// it, and workers that are left finish what is queued.
const (
	Running   State = "running"
	Finished  State = "finished"
	Cancelled State = "cancelled"
)

// Info is what is kept about a scan.
type Info struct {
	ID      string    `json:"id"`
	State   State     `json:"state"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Targets as typed, and the policy that judges: a scan is resumed with the same.
	Targets    []string `json:"targets"`
	PolicyHash string   `json:"policyHash"`
	// Listing is how targets are listed, in the words of whoever lists them.
	Listing json.RawMessage `json:"listing,omitempty"`
	// AckWait is how long a worker may be silent before its unit is given to another.
	AckWait time.Duration `json:"ackWait"`
}

// Counts are how far a scan is.
type Counts struct {
	// Listed references, and the units that they are.
	Listed int `json:"listed"`
	Units  int `json:"units"`
	// ListingDone says that Units will not grow.
	ListingDone bool `json:"listingDone"`

	Judged    int `json:"judged"`
	Allowed   int `json:"allowed"`
	Denied    int `json:"denied"`
	Undecided int `json:"undecided"`

	PulledBytes int64 `json:"pulledBytes"`
	SavedBytes  int64 `json:"savedBytes"`
}

// Status is what another terminal sees of a scan.
type Status struct {
	Info

	Counts Counts
	// Queued units wait for a worker, InFlight ones have one.
	Queued, InFlight int
}

// newID is a name that sorts by time and goes into subjects.
func newID(now time.Time) string {
	random := make([]byte, 3)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	return now.UTC().Format(idTime) + "-" + hex.EncodeToString(random)
}

const idTime = "20060102-150405"

var idForm = regexp.MustCompile(`^[0-9a-z-]{1,64}$`)

// UnknownError is a scan that is not there.
type UnknownError struct{ ID string }

func (e *UnknownError) Error() string {
	if e.ID == "" {
		return "there is no scan yet"
	}
	return fmt.Sprintf("there is no scan %q", e.ID)
}

// Remedy says what to do next.
func (e *UnknownError) Remedy() string { return "imagegate scan status shows those that there are" }

// PolicyError is a scan that was begun by another policy.
type PolicyError struct{ ID, Began, Have string }

func (e *PolicyError) Error() string {
	return fmt.Sprintf("scan %s was begun with policy %s, not %s", e.ID, e.Began, e.Have)
}

// Remedy says what to do next.
func (e *PolicyError) Remedy() string { return "give the same --policy, or begin a new scan" }

// EndedError is a scan that has ended and cannot go on.
type EndedError struct {
	ID    string
	State State
}

func (e *EndedError) Error() string { return fmt.Sprintf("scan %s is %s", e.ID, e.State) }

// Remedy says what to do next.
func (e *EndedError) Remedy() string { return "begin a new one: imagegate scan TARGET..." }
