package estate

import (
	"slices"

	"github.com/imagegate/imagegate/policy"
)

// upgrade is one package brought to one version: what has to be done, in however
// many images.
type upgrade struct{ kind, name, to string }

// need is an upgrade that an image needs, and the layer that brought the package.
type need struct {
	upgrade
	layer string // diff id; empty where it is unknown or there are several
	from  string // installed version
	kev   bool
	fixes int // vulnerabilities that it removes from the image
}

// needsOf are the upgrades that a denied image needs, and whether they are not
// enough: another rule denies it, a vulnerability has no fix, or not everything is
// known about it.
func (e *Estate) needsOf(r Record) (needs []need, blocked bool) {
	if r.Verdict != policy.Deny {
		return nil, false
	}
	at := map[[3]string]int{}
	for _, v := range r.Vulnerabilities {
		if v.Outcome != policy.Fail {
			continue
		}
		to := fixFor(v)
		if to == "" {
			blocked = true
			continue
		}
		k := [3]string{v.Type, v.Package, v.Version}
		i, known := at[k]
		if !known {
			i = len(needs)
			at[k] = i
			needs = append(needs, need{upgrade: upgrade{e.intern(v.Type), e.intern(v.Package), e.intern(to)}, layer: e.intern(v.Layer), from: e.intern(v.Version)})
		}
		n := &needs[i]
		n.fixes++
		n.kev = n.kev || v.KEV
		if compareVersions(to, n.to) > 0 {
			n.to = e.intern(to)
		}
	}
	return needs, blocked || otherwiseDenied(r, len(needs) > 0)
}

// fixFor is the lowest version that fixes a vulnerability and is above the
// installed one; empty where there is none.
func fixFor(v Vulnerability) string {
	var best string
	for _, to := range v.FixedIn {
		if compareVersions(to, v.Version) > 0 && (best == "" || compareVersions(to, best) < 0) {
			best = to
		}
	}
	if best == "" && len(v.FixedIn) > 0 {
		return slices.MaxFunc(v.FixedIn, compareVersions)
	}
	return best
}

// otherwiseDenied says whether an image would not be allowed even without its
// failing vulnerabilities.
func otherwiseDenied(r Record, explained bool) bool {
	if len(r.Omitted) > 0 || r.Error != "" {
		return true
	}
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		switch f.Outcome {
		case policy.Fail:
			return f.Rule != policy.RuleVulnerabilities || !explained
		case policy.Warn, policy.Pass, policy.Skipped:
			return false
		}
		return true
	})
}
