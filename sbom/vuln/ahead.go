package vuln

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/anchore/grype/grype/match"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/vulnerability"
)

// ahead is work that is done before grype asks for it. grype goes through the packages
// one after the other and asks its matchers about each; here, other processors begin
// with the last package meanwhile and come towards it. Each question is put to grype's
// own matcher once, by whoever comes first, and answered when and in the order in
// which grype asks: what is found does not depend on who looked. One that was not
// foreseen is put to the matcher when grype asks it.
type ahead struct {
	provider  vulnerability.Provider
	questions []*question
	ended     atomic.Bool
	workers   sync.WaitGroup
}

// question is what one matcher finds for one package.
type question struct {
	matcher  match.Matcher
	about    pkg.Package
	taken    atomic.Bool
	answered chan struct{}

	matches  []match.Match
	ignores  []match.IgnoreFilter
	err      error
	panicked any
}

// lookAhead begins, and returns matchers that know the answers. Call end when grype is
// done or has given up; after it, nobody asks the database any more.
func lookAhead(ctx context.Context, matchers []match.Matcher, provider vulnerability.Provider, packages []pkg.Package) (knowing []match.Matcher, end func()) {
	a := &ahead{provider: provider}
	for _, m := range matchers {
		knowing = append(knowing, a.foresee(m, packages))
	}
	for range min(runtime.GOMAXPROCS(0)-1, len(a.questions)/2) {
		a.workers.Go(func() { a.work(ctx) })
	}
	return knowing, func() {
		a.ended.Store(true)
		a.workers.Wait()
	}
}

// foresee adds the questions that this matcher will be asked by the types of packages
// that it says are its own. Packages that share an ID are not foreseen.
func (a *ahead) foresee(m match.Matcher, packages []pkg.Package) match.Matcher {
	f := &foreseen{Matcher: m, questions: make(map[pkg.ID]*question)}
	types := m.PackageTypes()
	for _, p := range packages {
		if !slices.Contains(types, p.Type) {
			continue
		}
		if _, again := f.questions[p.ID]; again {
			f.questions[p.ID] = nil // what is found for one package is no answer about another
			continue
		}
		q := &question{matcher: m, about: p, answered: make(chan struct{})}
		f.questions[p.ID] = q
		a.questions = append(a.questions, q)
	}
	return f
}

// work answers from the last question to the first, until grype is done.
func (a *ahead) work(ctx context.Context) {
	for _, q := range slices.Backward(a.questions) {
		if a.ended.Load() || ctx.Err() != nil {
			return
		}
		if q.taken.CompareAndSwap(false, true) {
			q.answer(a.provider)
		}
	}
}

// answer asks the matcher. If it panics, so does whoever wants to know.
func (q *question) answer(provider vulnerability.Provider) {
	defer close(q.answered)
	defer func() { q.panicked = recover() }()
	q.matches, q.ignores, q.err = q.matcher.Match(provider, q.about)
}

// foreseen is a matcher of which some questions are known before they are asked.
type foreseen struct {
	match.Matcher

	questions map[pkg.ID]*question
}

// Match implements match.Matcher.
func (f *foreseen) Match(provider vulnerability.Provider, p pkg.Package) ([]match.Match, []match.IgnoreFilter, error) {
	q := f.questions[p.ID]
	if q == nil || q.taken.CompareAndSwap(false, true) {
		return f.Matcher.Match(provider, p)
	}
	<-q.answered
	if q.panicked != nil {
		panic(q.panicked)
	}
	return q.matches, q.ignores, q.err
}
