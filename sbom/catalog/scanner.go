package catalog

import (
	"context"
	"fmt"
	_ "unsafe" // for go:linkname

	"github.com/google/licensecheck"
)

// syft classifies the text of a licence with a scanner that it takes from the
// context. CreateSBOM builds one, whether a text is there to be classified or not,
// unless the context has one already; and building it takes longer, and more memory,
// than everything else that is done for a small image. syft lets others put one into
// the context only by building it (syft.SetContextLicenseScanner). Its constructor
// would take any function, but is in an internal package. So these two functions are
// reached by name; TestScannerIsAsSyftDeclaresIt holds them to syft's source.

// classifier is licenses.Scanner as far as it is known here: a value to hand on. It
// has methods, since the interface that it stands for has, but must not be called.
type classifier interface{ handedOnOnly() }

// classifierConfig is licenses.ScannerConfig.
type classifierConfig struct {
	CoverageThreshold float64
	Scanner           func([]byte) licensecheck.Coverage
}

//go:linkname newClassifier github.com/anchore/syft/internal/licenses.NewScanner
func newClassifier(*classifierConfig) (classifier, error)

//go:linkname setClassifier github.com/anchore/syft/internal/licenses.SetContextLicenseScanner
func setClassifier(context.Context, classifier) context.Context

// withClassifier is a context in which scan classifies the texts of licences; if it
// is nil nobody does, and the texts are not read.
func withClassifier(ctx context.Context, coverage float64, scan func([]byte) licensecheck.Coverage) (context.Context, error) {
	c, err := newClassifier(&classifierConfig{CoverageThreshold: coverage, Scanner: scan})
	if err != nil {
		return nil, fmt.Errorf("building the licence scanner: %w", err)
	}
	return setClassifier(ctx, c), nil
}
