package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/scan"
	"github.com/imagegate/imagegate/gate/scan/target"
)

// listingFlags say which references are scanned. It is kept with the scan, so that who
// resumes it lists the same.
type listingFlags struct {
	Targets    []string      `json:"targets"`
	Tags       string        `json:"tags,omitempty"`
	Newest     int           `json:"newest,omitempty"`
	Order      string        `json:"order,omitempty"`
	Since      time.Time     `json:"since,omitzero"`
	Namespaces []string      `json:"namespaces,omitempty"`
	Kubeconfig string        `json:"kubeconfig,omitempty"`
	age        time.Duration // --since
}

func (l *listingFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&l.Tags, "tags", "", "only tags that this regular expression matches as a whole")
	flags.IntVar(&l.Newest, "newest", 0, "only so many tags of each repository, the newest")
	flags.StringVar(&l.Order, "order", string(target.ByTime), "which tags are the newest: by time or by version")
	flags.DurationVar(&l.age, "since", 0, "only what was pushed or made in this time (720h); what has no known time stays in")
	flags.StringArrayVar(&l.Namespaces, "only-namespace", nil, "of a cluster only this namespace; repeatable")
	flags.StringVar(&l.Kubeconfig, "kubeconfig", "", "configuration FILE of the cluster (default: as kubectl has it)")
	completeWords(cmd, "order", []string{string(target.ByTime), string(target.ByVersion)})
}

// settle takes the targets, and the time from which --since counts.
func (l *listingFlags) settle(targets []string, now time.Time) error {
	l.Targets = targets
	if l.age > 0 {
		l.Since = now.Add(-l.age).UTC()
	}
	tags, err := l.filter()
	if err == nil {
		err = target.Check(targets, tags)
	}
	if err != nil {
		return &usageError{err: err, hint: remedy(err)}
	}
	return nil
}

func (l *listingFlags) filter() (target.Tags, error) {
	tags := target.Tags{Newest: l.Newest, Order: target.Order(l.Order), Since: l.Since}
	if l.Tags != "" {
		match, err := regexp.Compile("^(?:" + l.Tags + ")$")
		if err != nil {
			return tags, usagef(`--tags 'v[0-9]+\..*'`, "--tags is no regular expression: %w", err)
		}
		tags.Match = match
	}
	return tags, nil
}

func (l *listingFlags) encode() json.RawMessage {
	data, err := json.Marshal(l)
	if err != nil {
		return nil // strings and numbers always can be
	}
	return data
}

// decodeListing reads what a scan was begun with.
func decodeListing(data json.RawMessage) (listingFlags, error) {
	var l listingFlags
	if err := json.Unmarshal(data, &l); err != nil {
		return l, fmt.Errorf("reading what the scan was begun with: %w", err)
	}
	return l, nil
}

// references lists them, through the same transport as images are read.
func (l *listingFlags) references(cmd *cobra.Command, f *scanFlags, stdin io.Reader) (iter.Seq2[scan.Listed, error], error) {
	tags, err := l.filter()
	if err != nil {
		return nil, err
	}
	listed := target.List(cmd.Context(), l.Targets, target.Options{
		Transport: f.check.images.transport, Keychain: image.DefaultKeychain(), Insecure: f.check.images.insecureRegistries,
		UserAgent: "imagegate/" + toolVersion(), Tags: tags, Stdin: stdin, Kubeconfig: l.Kubeconfig, Namespaces: l.Namespaces,
	})
	return func(yield func(scan.Listed, error) bool) {
		for r, err := range listed {
			namespace, _, _ := strings.Cut(r.Workload, "/")
			if !yield(scan.Listed{Name: r.Name, Digest: r.Digest, Updated: r.Updated, Namespace: namespace}, err) {
				return
			}
		}
	}, nil
}
