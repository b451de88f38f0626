package vuln

import (
	"sync"

	v6 "github.com/anchore/grype/grype/db/v6"
	"gorm.io/gorm"
)

// decorations are a reader that is asked once for what is known of a CVE beside its
// advisories: whether it is exploited, how probably it will be, and its weaknesses.
// grype asks for them with every package that an advisory concerns, and with every
// record that names the CVE. A question that failed is asked again.
type decorations struct {
	v6.Reader

	connection *gorm.DB
	exploited  known[v6.KnownExploitedVulnerabilityHandle]
	probable   known[v6.EpssHandle]
	weaknesses known[v6.CWEHandle]
}

func newDecorations(reader v6.Reader) (*decorations, error) {
	connection, err := gormOf(reader)
	if err != nil {
		return nil, err
	}
	return &decorations{Reader: reader, connection: connection}, nil
}

// GetDB is the connection, which grype looks for in a reader besides its methods.
func (d *decorations) GetDB() *gorm.DB { return d.connection }

// GetKnownExploitedVulnerabilities implements v6.Reader.
func (d *decorations) GetKnownExploitedVulnerabilities(cve string) ([]v6.KnownExploitedVulnerabilityHandle, error) {
	return d.exploited.of(cve, d.Reader.GetKnownExploitedVulnerabilities)
}

// GetEpss implements v6.Reader.
func (d *decorations) GetEpss(cve string) ([]v6.EpssHandle, error) {
	return d.probable.of(cve, d.Reader.GetEpss)
}

// GetCWEs implements v6.Reader.
func (d *decorations) GetCWEs(cve string) ([]v6.CWEHandle, error) {
	return d.weaknesses.of(cve, d.Reader.GetCWEs)
}

// known are answers about CVEs. grype only reads them.
type known[T any] struct {
	mutex   sync.Mutex
	answers map[string][]T
}

// of is the answer about a CVE, which ask gives where it is not known.
func (k *known[T]) of(cve string, ask func(string) ([]T, error)) ([]T, error) {
	k.mutex.Lock()
	answer, ok := k.answers[cve]
	k.mutex.Unlock()
	if ok {
		return answer, nil
	}
	answer, err := ask(cve)
	if err != nil {
		return answer, err
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.answers == nil {
		k.answers = make(map[string][]T)
	}
	k.answers[cve] = answer
	return answer, nil
}
