package vuln

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/anchore/grype/grype"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/match"
	"github.com/anchore/grype/grype/matcher"
	"github.com/anchore/grype/grype/matcher/dpkg"
	"github.com/anchore/grype/grype/matcher/rpm"
	"github.com/anchore/grype/grype/matcher/stock"
	"github.com/anchore/grype/grype/version"
	"github.com/anchore/grype/grype/vulnerability"

	"github.com/imagegate/imagegate/sbom"
)

// Match finds the vulnerabilities of a document, sorted by id, package, version
// and type. An empty result means that none is known, never that something could
// not be looked up: packages of a distribution that the database does not know
// are a *DistributionError, and a query that failed is an error, though grype
// itself would go on.
//
// Each call has a matcher of its own, since grype's keeps results on itself; the
// database is shared. FailSeverity stays unset: the verdict is the policy's.
func (d *Database) Match(ctx context.Context, document *sbom.Document) (found []sbom.Vulnerability, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			found, err = nil, fmt.Errorf("matching packages with vulnerabilities failed: %v", panicked)
		}
	}()
	inventory, err := inventoryOf(document)
	if err != nil {
		return nil, err
	}
	failed := d.queries.failed()
	if err := inventory.checkDistributions(d.reader); err != nil {
		return nil, err
	}
	reader, err := newDecorations(d.reader)
	if err != nil {
		return nil, err
	}
	provider := v6.NewVulnerabilityProvider(reader)
	matches, err := inventory.match(ctx, provider)
	if err = cmp.Or(ctx.Err(), d.queries.failedSince(failed), err); err != nil {
		return nil, fmt.Errorf("matching packages with vulnerabilities: %w", firstLine(err))
	}
	found, err = newConversion(provider).all(matches)
	if err = cmp.Or(d.queries.failedSince(failed), err); err != nil {
		return nil, fmt.Errorf("describing vulnerabilities: %w", err)
	}
	return found, nil
}

// match lets grype match the packages, on all processors.
func (i inventory) match(ctx context.Context, provider vulnerability.Provider) (*match.Matches, error) {
	matchers, end := lookAhead(ctx, matcher.NewDefaultMatchers(matcherConfig()), provider, i.packages)
	defer end()
	search := grype.VulnerabilityMatcher{
		VulnerabilityProvider: provider,
		Matchers:              matchers,
		IgnoreRules:           kernelHeaderRules(),
	}
	matches, _, err := search.FindMatchesContext(ctx, i.packages, i.context)
	return matches, err
}

// firstLine shortens the error of a matcher that panicked, to which grype adds
// the stack.
func firstLine(err error) error {
	if line, _, more := strings.Cut(err.Error(), "\n"); more {
		return errors.New(line)
	}
	return err
}

// matcherConfig holds the defaults of the grype command, which differ from the
// zero values of its library: packages without an ecosystem of their own are
// looked up by CPE, and an rpm without epoch is taken to have the advisory's.
func matcherConfig() matcher.Config {
	return matcher.Config{
		Stock: stock.MatcherConfig{UseCPEs: true},
		Dpkg:  dpkg.MatcherConfig{MissingEpochStrategy: version.MissingEpochStrategyZero},
		Rpm:   rpm.MatcherConfig{MissingEpochStrategy: version.MissingEpochStrategyAuto},
	}
}

// kernelHeaderRules leave out vulnerabilities of the Linux kernel that would be
// found through packages of header files only. They are those of the grype
// command, which does not export them.
func kernelHeaderRules() []match.IgnoreRule {
	indirect := func(name, upstream, kind string) match.IgnoreRule {
		return match.IgnoreRule{
			Package:   match.IgnoreRulePackage{Name: name, UpstreamName: upstream, Type: kind},
			MatchType: match.ExactIndirectMatch,
		}
	}
	return []match.IgnoreRule{
		indirect("kernel-headers", "kernel", "rpm"),
		indirect("linux(-.*)?-headers-.*", "linux.*", "deb"),
		indirect("linux-libc-dev", "linux", "deb"),
		indirect("linux-kbuild-.*", "linux.*", "deb"),
	}
}
