package main

import (
	"slices"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/admission"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/inspect"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom/catalog"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// judges makes one Judge after the other, as policy and database change. What does
// not change with them they share.
type judges struct {
	flags     *serveFlags
	memory    memory
	images    *image.Images
	inspector gate.Inspector
	cataloger gate.Cataloger

	files []string // that the last policy was read from, or was to be
}

func (f *serveFlags) newJudges() (*judges, error) {
	j := &judges{flags: f, memory: f.images.memory.open(f.shared), inspector: inspect.New()}
	var err error
	if j.images, err = newImages(f.images, &display{}, j.memory, f.strange.option()); err != nil {
		return nil, usagef("imagegate serve --help", "%w", err)
	}
	if j.cataloger, err = catalog.New(); err != nil {
		return nil, err
	}
	return j, nil
}

func (j *judges) close() { j.memory.close() }

// appoint makes a Judge of what policy and database are now. A database that is
// missing or broken is no reason not to: its images are undecided, and /readyz
// says why.
func (j *judges) appoint() (admission.Judge, error) {
	f := j.flags
	p, err := j.loadPolicy()
	if err != nil {
		return admission.Judge{}, err
	}
	made := admission.Judge{Policy: p, Engines: engines()}
	parts := gate.Engines{Images: j.images, Inspector: j.inspector, Cataloger: j.cataloger}
	options := []gate.Option{gate.WithTimeout(f.answers.limits.CheckTime), j.memory.ofGate()}
	verifier, err := newVerifier(p.Signatures)
	if err != nil {
		return admission.Judge{}, err
	}
	if verifier != nil {
		parts.Verifier, made.TrustRoot = verifier, verifier.TrustRootHash()
		options = append(options, gate.WithTrustRoot(made.TrustRoot))
	}
	database, err := vuln.Open(f.database.folder(f.shared))
	if err != nil {
		parts.Matcher, made.DatabaseError = vuln.Unavailable{Err: err}, err
	} else {
		parts.Matcher = database
		made.Close = func() { _ = database.Close() } // its verdicts are made
		made.Database, made.DatabaseError = database.Database()
	}
	if made.Gate, err = gate.New(p, parts, options...); err != nil {
		if made.Close != nil {
			made.Close()
		}
		return admission.Judge{}, err
	}
	return made, nil
}

// loadPolicy loads the policy, and notes what it was read from.
func (j *judges) loadPolicy() (*policy.Policy, error) {
	flags := j.flags.policy
	files := slices.Concat(flags.keys, flags.policies)
	if flags.trustedRoot != "" {
		files = append(files, flags.trustedRoot)
	}
	for _, name := range flags.policies {
		if paths, err := policyPaths(name); err == nil {
			files = append(files, paths...)
		}
	}
	flags.used = func(path string) { files = append(files, path) }
	p, err := flags.load()
	j.files = files
	return p, err
}
