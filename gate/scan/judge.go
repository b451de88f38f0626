package scan

import (
	"context"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/gate/scan/pace"
	"github.com/imagegate/imagegate/policy"
)

// Judge answers for one unit. It never answers without a verdict.
type Judge interface {
	// Judge says what a unit is. The answer may be another one in a minute where it
	// is transient.
	Judge(ctx context.Context, u Unit) (r estate.Record, transient bool)
}

// Asking is the part of a gate.Gate that a scan needs.
type Asking interface {
	Ask(ctx context.Context, q gate.Question) (gate.Result, error)
}

// GateJudge asks a gate at stage scan.
type GateJudge struct {
	Gate       Asking
	PolicyHash string
	// Kept is told each whole result, for who wants reports or SBOMs as files. Default
	// nobody.
	Kept func(u Unit, r gate.Result)
}

// Judge implements Judge.
func (j *GateJudge) Judge(ctx context.Context, u Unit) (estate.Record, bool) {
	var meter pace.Meter
	start := time.Now()
	result, err := j.Gate.Ask(pace.WithMeter(ctx, &meter), gate.Question{
		Reference: u.Reference, Stage: policy.StageScan, Namespace: u.Namespace,
	})
	if err != nil { // the question makes no sense
		r := unanswered(u, start, err.Error())
		r.PolicyHash = j.PolicyHash
		return r, false
	}
	if j.Kept != nil {
		j.Kept(u, result)
	}
	r := estate.NewRecord(result)
	r.Scan, r.PolicyHash = u.Scan, j.PolicyHash
	r.References = []string{u.Name}
	r.Milliseconds = time.Since(start).Milliseconds()
	r.PulledBytes = meter.Bytes()
	r.SavedBytes = max(0, layerBytes(result)-r.PulledBytes)
	if r.Digest == "" && r.Verdict != policy.Allow {
		r.Digest = u.Digest
	}
	return r, r.Verdict == policy.NotDecidable && isTransient(result.Evidence)
}

// unanswered is the record of a unit for which there is no answer.
func unanswered(u Unit, at time.Time, why string) estate.Record {
	return estate.Record{
		SchemaVersion: estate.RecordVersion, Scan: u.Scan, References: []string{u.Name}, Digest: u.Digest, Namespace: u.Namespace,
		Verdict: policy.NotDecidable, Stage: policy.StageScan, JudgedAt: at.UTC(), Error: why,
	}
}

// layerBytes is the size of the layers of a result, each once.
func layerBytes(r gate.Result) (total int64) {
	seen := map[string]bool{}
	for _, p := range r.Platforms {
		for _, l := range p.Size.LayerSizes {
			if !seen[l.Digest] {
				seen[l.Digest] = true
				total += max(0, l.Bytes)
			}
		}
	}
	return total
}

// isTransient says whether something failed that may succeed in a minute.
func isTransient(e policy.Evidence) bool {
	for _, status := range e.Steps {
		if status.State == policy.Failed && status.Transient {
			return true
		}
	}
	for _, p := range e.Platforms {
		for _, status := range p.Steps {
			if status.State == policy.Failed && status.Transient {
				return true
			}
		}
	}
	return false
}
