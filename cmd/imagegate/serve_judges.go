package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/admission"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/inspect"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// judges makes one Judge after the other, as policy and database change. What does
// not change with them they share.
type judges struct {
	flags     *serveFlags
	memory    memory
	forget    func() // ends the memory
	images    *image.Images
	inspector gate.Inspector
	cataloger gate.Cataloger

	policy  *policy.Policy // in force
	files   []string       // that the last one was read from, or was to be
	matched bool           // there was a database
}

func (f *serveFlags) newJudges(ctx context.Context, log *slog.Logger) (*judges, error) {
	j := &judges{flags: f, inspector: inspect.New(), cataloger: newCataloger(false)}
	var err error
	if err = j.remember(ctx, log); err != nil {
		return nil, err
	}
	if j.images, err = newImages(f.images, &display{}, j.memory, f.strange.option()); err != nil {
		return nil, usagef("imagegate serve --help", "%w", err)
	}
	return j, nil
}

// remember chooses where.
func (j *judges) remember(ctx context.Context, log *slog.Logger) (err error) {
	if j.flags.nats.used() && !j.flags.images.memory.off {
		warn := func(err error) { log.Warn("nothing is remembered beyond this process", "error", err.Error()) }
		j.memory, j.forget, err = j.flags.nats.memory(ctx, warn)
		return err
	}
	j.memory = j.flags.images.memory.open(j.flags.shared)
	j.forget = j.memory.close
	return nil
}

func (j *judges) close() { j.forget() }

// sweepEvery is how often the cache folder is held within its size.
const sweepEvery = time.Hour

// sweep keeps the cache folder within its size, which a command does at its end.
func (j *judges) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			j.memory.close()
		}
	}
}

// appoint makes a Judge of what policy and database are now.
func (j *judges) appoint() (admission.Judge, error) {
	p, err := j.loadPolicy()
	if err != nil {
		return admission.Judge{}, err
	}
	made, err := j.make(p)
	if err == nil {
		j.policy = p
	}
	return made, err
}

// renew makes a Judge of the policy in force and what the database is now: one that
// cannot be read stands in nobody's way.
func (j *judges) renew() (admission.Judge, error) { return j.make(j.policy) }

// make joins the engines to a gate. At the start a database that is missing or broken
// is no reason not to: what needs it is undecided, and /readyz says why. Later the
// one that was there stays.
func (j *judges) make(p *policy.Policy) (admission.Judge, error) {
	made := admission.Judge{Policy: p, Engines: engines() + j.flags.reach()}
	parts := gate.Engines{Images: j.images, Inspector: j.inspector, Cataloger: j.cataloger}
	options := []gate.Option{gate.WithTimeout(j.flags.answers.limits.CheckTime), j.memory.ofGate()}
	verifier, err := newVerifier(p.Signatures)
	if err != nil {
		return admission.Judge{}, err
	}
	if verifier != nil {
		parts.Verifier, made.TrustRoot = verifier, verifier.TrustRootHash()
		options = append(options, gate.WithTrustRoot(made.TrustRoot))
	}
	if parts.Matcher, err = j.openDatabase(&made); err != nil {
		return admission.Judge{}, err
	}
	if made.Gate, err = gate.New(p, parts, options...); err != nil {
		made.Close()
		return admission.Judge{}, err
	}
	return made, nil
}

// reach is what else decides about a verdict: what may be asked. Replicas that may ask
// different registries share no verdicts.
func (f *serveFlags) reach() string {
	return fmt.Sprintf(" %q %q %q", f.images.insecureRegistries, f.strange.registries, f.strange.private)
}

// openDatabase opens the database for one Judge, who closes it.
func (j *judges) openDatabase(made *admission.Judge) (gate.Matcher, error) {
	database, err := vuln.Open(j.flags.database.folder(j.flags.shared))
	switch {
	case err == nil:
		j.matched = true
		made.Close = func() { _ = database.Close() } // its verdicts are made
		made.Database, made.DatabaseError = database.Database()
		return database, nil
	case j.matched:
		return nil, err
	}
	made.Close, made.DatabaseError = func() {}, err
	return vuln.Unavailable{Err: err}, nil
}

// loadPolicy loads the policy, and notes what it was read from.
func (j *judges) loadPolicy() (*policy.Policy, error) {
	flags, files := j.flags.policy, j.flags.policyFiles()
	flags.used = func(path string) { files = append(files, path) }
	p, err := flags.load()
	j.files = files
	return p, err
}

// policyFiles are those that the flags name. A policy may name more.
func (f *serveFlags) policyFiles() []string {
	files := slices.Concat(f.policy.keys, f.policy.policies)
	if f.policy.trustedRoot != "" {
		files = append(files, f.policy.trustedRoot)
	}
	for _, name := range f.policy.policies {
		if paths, err := policyPaths(name); err == nil {
			files = append(files, paths...)
		}
	}
	return files
}
