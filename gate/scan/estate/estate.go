package estate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// Estate adds records up. It keeps a few hundred bytes of each. The zero value is
// not usable; it is not safe for concurrent use.
type Estate struct {
	images  []image
	at      map[identity]int
	strings map[string]string
}

// New makes an empty estate.
func New() *Estate {
	return &Estate{at: map[identity]int{}, strings: map[string]string{}}
}

// image is what is kept of one record.
type image struct {
	names     []string
	namespace string
	digest    string
	verdict   policy.Decision
	findings  []Finding // without platform
	needs     []need
	blocked   bool // something denies it or is undecided that no upgrade mends
	severity  [2]int
	kev       int
	failing   int
	worst     float64
	bytes     int64
	layers    int
	platforms []string
	judgedAt  time.Time
	scan      string
	policy    string
	database  time.Time
	pulled    int64
	saved     int64
	rest      int // names that were omitted
	all       map[string]int
}

// identity is what one answer is about. Where no digest is known it is a name.
type identity struct{ digest, place, namespace string }

func (r Record) identity() identity {
	if r.Digest == "" {
		return identity{place: r.name(), namespace: r.Namespace}
	}
	return identity{r.Digest, repository(r.name()), r.Namespace}
}

// repository is a reference without its tag or digest. What lies on disk keeps its
// path.
func repository(reference string) string {
	name, _, _ := strings.Cut(reference, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		return name[:colon]
	}
	return name
}

// Add adds one record. Of two records of one digest in one place the later one
// counts, of two of one scan the worse one, under the names of both: a message may
// be delivered twice, and a scan be continued. What is the same digest in another repository, or for another
// namespace, is another image: its verdict may be another.
func (e *Estate) Add(r Record) {
	if len(r.References) == 0 {
		return // nobody could say what it is about; such a record is neither written nor read
	}
	if r.Digest != "" {
		e.supersede(r)
	}
	key := r.identity()
	i, known := e.at[key]
	if !known {
		e.at[key] = len(e.images)
		e.images = append(e.images, e.image(r))
		return
	}
	old := e.images[i]
	if !old.gives(r) {
		e.images[i].names = union(old.names, r.References)
		return
	}
	e.images[i] = e.image(r)
	e.images[i].names = union(old.names, r.References)
	e.images[i].pulled += old.pulled
}

// gives says whether another record of the same image counts instead.
func (i *image) gives(r Record) bool {
	if r.Scan != "" && r.Scan == i.scan && r.Verdict != i.verdict {
		return badness(r.Verdict) > badness(i.verdict)
	}
	return !r.JudgedAt.Before(i.judgedAt)
}

// supersede drops what was said of a name before it resolved to this digest.
func (e *Estate) supersede(r Record) {
	for _, name := range r.References {
		key := identity{place: name, namespace: r.Namespace}
		if i, ok := e.at[key]; ok && !r.JudgedAt.Before(e.images[i].judgedAt) {
			delete(e.at, key)
			e.images[i] = image{}
		}
	}
}

// each yields what counts.
func (e *Estate) each(yield func(*image) bool) {
	for i := range e.images {
		if len(e.images[i].names) > 0 && !yield(&e.images[i]) {
			return
		}
	}
}

// Len is how many images there are.
func (e *Estate) Len() (n int) {
	for range e.each {
		n++
	}
	return n
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func (e *Estate) image(r Record) image {
	i := image{
		names: slices.Clone(r.References), namespace: e.intern(r.Namespace), digest: r.Digest, verdict: r.Verdict, judgedAt: r.JudgedAt,
		scan: e.intern(r.Scan), policy: e.intern(r.PolicyHash), pulled: r.PulledBytes, saved: r.SavedBytes,
		severity: [2]int{r.Severities[sbom.SeverityCritical], r.Severities[sbom.SeverityHigh]},
		all:      r.Severities, rest: r.Omitted[omittedReferences], worst: -1,
	}
	slices.Sort(i.names)
	if r.DatabaseBuilt != nil {
		i.database = *r.DatabaseBuilt
	}
	for _, p := range r.Platforms {
		i.platforms = append(i.platforms, e.intern(p.Platform))
		i.layers = max(i.layers, len(p.Layers))
		for _, l := range p.Layers {
			i.bytes += l.Bytes
		}
	}
	for _, f := range r.Findings {
		f.Rule, f.Message, f.Remedy, f.Platform = e.intern(f.Rule), e.intern(f.Message), e.intern(f.Remedy), e.intern(f.Platform)
		i.findings = append(i.findings, f)
	}
	if r.Error != "" {
		i.findings = append(i.findings, Finding{Rule: "scan", Outcome: policy.Undecided, Message: r.Error})
	}
	e.addVulnerabilities(&i, r)
	return i
}

func (e *Estate) addVulnerabilities(i *image, r Record) {
	for _, v := range r.Vulnerabilities {
		if v.KEV {
			i.kev++
		}
		if v.Outcome == policy.Fail {
			i.failing++
			i.worst = max(i.worst, v.score())
		}
	}
	i.failing += r.Omitted[omittedVulnerabilities]
	i.needs, i.blocked = e.needsOf(r)
}

// intern keeps one copy of a text that many records have.
func (e *Estate) intern(s string) string {
	if known, ok := e.strings[s]; ok {
		return known
	}
	e.strings[s] = s
	return s
}

// compareWorst has the worst image first: denied before undecided before allowed,
// then by what is known to be exploited, by the worst score, by how much fails.
func compareWorst(a, b *image) int {
	order := []policy.Decision{policy.Deny, policy.NotDecidable, policy.Allow}
	return cmp.Or(
		cmp.Compare(slices.Index(order, a.verdict), slices.Index(order, b.verdict)),
		cmp.Compare(b.kev, a.kev),
		cmp.Compare(b.worst, a.worst),
		cmp.Compare(b.failing, a.failing),
		cmp.Compare(b.failed(), a.failed()),
		cmp.Compare(a.names[0], b.names[0]),
		cmp.Compare(a.digest, b.digest),
		cmp.Compare(a.namespace, b.namespace),
	)
}

// failed counts the findings that deny.
func (i *image) failed() (n int) {
	for _, f := range i.findings {
		if f.Outcome == policy.Fail {
			n++
		}
	}
	return n
}
