package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/policy"
)

// The values of --resume beside ids.
const (
	resumeLatest = "latest"
	// resumeUnfinished is for who is started again and again, as a job is: it goes on
	// with what the one before has left, and begins a scan where there is nothing.
	resumeUnfinished = "unfinished"
)

func (f *scanFlags) beginOrResume(ctx context.Context, queue *scan.Queue, p *policy.Policy) (*scan.Scan, error) {
	id := f.resume
	var err error
	switch f.resume {
	case resumeLatest:
		id, err = queue.Latest(ctx)
	case resumeUnfinished:
		id, err = unfinished(ctx, queue, f.listing.Targets, p.Hash())
	}
	if err != nil {
		return nil, asUsage(err)
	}
	if id == "" {
		return f.begin(ctx, queue, p)
	}
	current, err := queue.Resume(ctx, id, p.Hash())
	if err != nil {
		return nil, asUsage(err)
	}
	if f.listing, err = decodeListing(current.Info().Listing); err != nil {
		return nil, err
	}
	f.progressf("scan %s goes on: %s", id, strings.Join(f.listing.Targets, " "))
	return current, nil
}

func (f *scanFlags) begin(ctx context.Context, queue *scan.Queue, p *policy.Policy) (*scan.Scan, error) {
	current, err := queue.Begin(ctx, scan.Plan{Targets: f.listing.Targets, Listing: f.listing.encode(), PolicyHash: p.Hash(), AckWait: f.ackWait})
	if err == nil {
		f.progressf("scan %s", current.ID())
	}
	return current, err
}

// unfinished is the latest scan if it was of these targets, by this policy, and did
// not end; empty where there is none to go on with.
func unfinished(ctx context.Context, queue *scan.Queue, targets []string, policyHash string) (string, error) {
	id, err := queue.Latest(ctx)
	var unknown *scan.UnknownError
	if errors.As(err, &unknown) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	info, err := queue.Info(ctx, id)
	if err != nil || info.State != scan.Running || info.PolicyHash != policyHash || !slices.Equal(info.Targets, targets) {
		return "", err
	}
	return id, nil
}

// asUsage is what the user typed wrong where the scan is not there, or not to be gone
// on with.
func asUsage(err error) error {
	var unknown *scan.UnknownError
	var ended *scan.EndedError
	var other *scan.PolicyError
	if errors.As(err, &unknown) || errors.As(err, &ended) || errors.As(err, &other) {
		return &usageError{err: err, hint: remedy(err)}
	}
	return err
}
