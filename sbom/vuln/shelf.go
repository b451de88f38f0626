package vuln

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/db/v6/name"
	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/grype/grype/vulnerability"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// maxValues is how many values one query asks for at once; SQLite's own limit is
// larger.
const maxValues = 400

// maxCandidates is how many vulnerabilities are read before it is known which of them
// concern the versions of the packages. Where there are more, most do not.
const maxCandidates = 1000

// shelf is a database reader for one document, which it knows beforehand: what
// grype asks for package by package and vulnerability by vulnerability, it reads
// for many at once. A question that it did not foresee goes to the reader that it
// wraps, so that it answers everything, and a test holds it to the same answers.
//
// It serves one matching, which asks one question after the other: it is not safe
// for concurrent use.
type shelf struct {
	v6.Reader

	direct *gorm.DB // for the shelf's own queries
	filled *gorm.DB // for grype's, of which some are answered here

	names      []string                // folded, of the packages that will be looked up
	packages   map[string][]v6.Package // by folded name; nil until read
	byID       map[v6.ID]v6.Package
	aliases    []v6.PackageSpecifierOverride
	systems    map[v6.OSSpecifier][]v6.ID                   // of distributions
	affected   map[string]records[v6.AffectedPackageHandle] // by ecosystem and distribution
	unaffected map[string]records[v6.UnaffectedPackageHandle]

	vulnerabilities map[v6.ID]v6.VulnerabilityHandle
	candidates      []v6.ID // vulnerabilities of the packages, fixed in theirs or not
	related         map[relation][]v6.VulnerabilityHandle
	foreseen        []relation
	undecorated     map[string]bool // CVEs of vulnerabilities, not asked for yet
	decorations     map[string]decoration
	epss            v6.EpssMetadata
}

// relation names the record that a provider has of a vulnerability.
type relation struct{ id, provider string }

type shelfKey struct{}

type directKey struct{}

// newShelf prepares a reader for these packages.
func newShelf(ctx context.Context, reader v6.Reader, packages []pkg.Package) (*shelf, error) {
	db, err := gormOf(reader)
	if err != nil {
		return nil, err
	}
	s := &shelf{
		Reader:          reader,
		direct:          db.WithContext(context.WithValue(ctx, directKey{}, true)),
		names:           namesOf(packages),
		systems:         make(map[v6.OSSpecifier][]v6.ID),
		affected:        make(map[string]records[v6.AffectedPackageHandle]),
		unaffected:      make(map[string]records[v6.UnaffectedPackageHandle]),
		vulnerabilities: make(map[v6.ID]v6.VulnerabilityHandle),
		related:         make(map[relation][]v6.VulnerabilityHandle),
		undecorated:     make(map[string]bool),
		decorations:     make(map[string]decoration),
	}
	s.filled = db.WithContext(context.WithValue(ctx, shelfKey{}, s))
	return s, s.readPackages()
}

// GetDB is what grype reads the rows with to which other rows refer.
func (s *shelf) GetDB() *gorm.DB { return s.filled }

// namesOf are the names under which grype looks packages up: their own, in the
// spelling of their ecosystem, and those of their sources.
func namesOf(packages []pkg.Package) []string {
	var names []string
	add := func(p pkg.Package) {
		for _, n := range append(name.PackageNames(p), p.Name) {
			names = append(names, fold(n))
		}
	}
	for _, p := range packages {
		add(p)
		for _, upstream := range pkg.UpstreamPackages(p) {
			add(upstream)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fold is SQLite's NOCASE, which knows the letters of ASCII only.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// readPackages finds out which of the names the database has at all.
func (s *shelf) readPackages() error {
	s.packages, s.byID = make(map[string][]v6.Package), make(map[v6.ID]v6.Package)
	for chunk := range slices.Chunk(s.names, maxValues) {
		var found []v6.Package
		if err := s.direct.Where("name COLLATE NOCASE IN ?", chunk).Find(&found).Error; err != nil {
			return fmt.Errorf("looking up packages: %w", err)
		}
		for _, p := range found {
			s.packages[fold(p.Name)] = append(s.packages[fold(p.Name)], p)
			s.byID[p.ID] = p
		}
	}
	if err := s.direct.Find(&s.aliases).Error; err != nil {
		return fmt.Errorf("looking up names of ecosystems: %w", err)
	}
	return nil
}

// fill answers a query of grype's for rows by their ids. It is false where it
// cannot, and then nothing happened.
func (s *shelf) fill(tx *gorm.DB) bool {
	ids, ok := idsOf(tx)
	if !ok {
		return false
	}
	switch rows := tx.Statement.Dest.(type) {
	case *[]v6.Package:
		return give(tx, rows, s.byID, ids)
	case *[]v6.VulnerabilityHandle:
		if err := s.readVulnerabilities(ids); err != nil {
			_ = tx.AddError(err) // grype returns it
			return true
		}
		return give(tx, rows, s.vulnerabilities, ids)
	}
	return false
}

// give puts known rows where a query wants them; false if one is not known.
func give[T any](tx *gorm.DB, into *[]T, known map[v6.ID]T, ids []v6.ID) bool {
	rows := make([]T, 0, len(ids))
	for _, id := range ids {
		row, ok := known[id]
		if !ok {
			return false
		}
		rows = append(rows, row)
	}
	*into = rows
	tx.RowsAffected = int64(len(rows))
	return true
}

// idsOf are the ids of a query that has no other condition.
func idsOf(tx *gorm.DB) ([]v6.ID, bool) {
	where, ok := tx.Statement.Clauses["WHERE"].Expression.(clause.Where)
	if !ok || len(where.Exprs) != 1 || len(tx.Statement.Clauses) != 1 || len(tx.Statement.Joins) > 0 {
		return nil, false
	}
	condition, ok := where.Exprs[0].(clause.Expr)
	if !ok || condition.SQL != "id IN (?)" || len(condition.Vars) != 1 {
		return nil, false
	}
	ids, ok := condition.Vars[0].([]v6.ID)
	return ids, ok
}

// readVulnerabilities reads those that are not known yet, with their records, and
// those that will be asked for soon. One that is not there stays unknown.
func (s *shelf) readVulnerabilities(ids []v6.ID) error {
	if len(s.candidates) <= maxCandidates {
		ids = slices.Concat(ids, s.candidates)
		slices.Sort(ids)
		ids = slices.Compact(ids)
		s.candidates = nil
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id v6.ID) bool { _, ok := s.vulnerabilities[id]; return ok })
	for chunk := range slices.Chunk(missing, maxValues) {
		var found []v6.VulnerabilityHandle
		if err := s.direct.Where("id IN ?", chunk).Find(&found).Error; err != nil {
			return fmt.Errorf("reading vulnerabilities: %w", err)
		}
		if err := s.readRecords(found); err != nil {
			return err
		}
		for _, v := range found {
			s.vulnerabilities[v.ID] = v
		}
	}
	return nil
}

// readRecords reads what lies in blobs, and notes which CVEs come up.
func (s *shelf) readRecords(found []v6.VulnerabilityHandle) error {
	ids := make([]v6.ID, len(found))
	for i, v := range found {
		ids[i] = v.BlobID
	}
	blobs, err := s.blobs(ids)
	if err != nil {
		return err
	}
	for i := range found {
		v := &found[i]
		if text := blobs[v.BlobID]; text != "" {
			if err := json.Unmarshal([]byte(text), &v.BlobValue); err != nil {
				return fmt.Errorf("reading the record of %s: %w", v.Name, err)
			}
		}
		s.foreseeCVEs(v)
	}
	return nil
}

// blobs reads values by their ids.
func (s *shelf) blobs(ids []v6.ID) (map[v6.ID]string, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	values := make(map[v6.ID]string, len(ids))
	for chunk := range slices.Chunk(slices.Compact(ids), maxValues) {
		var found []v6.Blob
		if err := s.direct.Where("id IN ?", chunk).Find(&found).Error; err != nil {
			return nil, fmt.Errorf("reading records: %w", err)
		}
		for _, b := range found {
			values[b.ID] = b.Value
		}
	}
	return values, nil
}

// foresee tells which records are going to be asked for by name.
func (s *shelf) foresee(references []vulnerability.Reference) {
	for _, r := range references {
		provider, _, _ := strings.Cut(r.Namespace, ":")
		s.foreseen = append(s.foreseen, relation{fold(r.ID), provider})
	}
}

// GetVulnerabilities implements v6.VulnerabilityStoreReader.
func (s *shelf) GetVulnerabilities(wanted *v6.VulnerabilitySpecifier, options *v6.GetVulnerabilityOptions) ([]v6.VulnerabilityHandle, error) {
	if !namesOne(wanted) || options == nil || *options != (v6.GetVulnerabilityOptions{Preload: true}) {
		return s.Reader.GetVulnerabilities(wanted, options)
	}
	asked := relation{fold(wanted.Name), wanted.Providers[0]}
	if _, known := s.related[asked]; !known {
		s.foreseen = append(s.foreseen, asked)
		if err := s.readRelated(); err != nil {
			return nil, err
		}
	}
	return slices.Clone(s.related[asked]), nil
}

// namesOne is true of a question for one name of one provider and nothing else.
func namesOne(v *v6.VulnerabilitySpecifier) bool {
	return v != nil && v.Name != "" && len(v.Providers) == 1 && v.ID == 0 && v.Status == "" &&
		v.PublishedAfter == nil && v.ModifiedAfter == nil && !v.IncludeAliases
}

// readRelated reads the records that are foreseen.
func (s *shelf) readRelated() error {
	ids := make(map[string][]string)
	for _, r := range s.foreseen {
		if _, known := s.related[r]; !known {
			s.related[r] = nil
			ids[r.provider] = append(ids[r.provider], r.id)
		}
	}
	s.foreseen = nil
	for provider, wanted := range ids {
		for chunk := range slices.Chunk(wanted, maxValues) {
			var found []v6.VulnerabilityHandle
			err := s.direct.Preload("Provider").Order("id").
				Where("name COLLATE NOCASE IN ? AND provider_id = ?", chunk, provider).Find(&found).Error
			if err != nil {
				return fmt.Errorf("reading related records: %w", err)
			}
			if err := s.readRecords(found); err != nil {
				return err
			}
			for _, v := range found {
				r := relation{fold(v.Name), provider}
				s.related[r] = append(s.related[r], v)
			}
		}
	}
	return nil
}
