package vuln

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Provider is one source of advisories in a database.
type Provider struct {
	Name     string    `json:"name"`              // "debian", "github", "nvd"
	Captured time.Time `json:"captured,omitzero"` // when its advisories were fetched
}

// Providers are the sources of the database, sorted by name.
func (d *Database) Providers() ([]Provider, error) {
	rows, err := d.reader.AllProviders()
	if err != nil {
		return nil, fmt.Errorf("reading the sources of the vulnerability database: %w", err)
	}
	providers := make([]Provider, 0, len(rows))
	for _, row := range rows {
		provider := Provider{Name: row.ID}
		if row.DateCaptured != nil {
			provider.Captured = row.DateCaptured.UTC()
		}
		providers = append(providers, provider)
	}
	slices.SortFunc(providers, func(a, b Provider) int { return strings.Compare(a.Name, b.Name) })
	return providers, nil
}
