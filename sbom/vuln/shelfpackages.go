package vuln

import (
	"encoding/json"
	"fmt"
	"slices"

	v6 "github.com/anchore/grype/grype/db/v6"
	"gorm.io/gorm"
)

// records are those of one ecosystem and distribution, by the ids of packages, each
// list in the order of its own ids, as grype reads them.
type records[T any] struct {
	byPackage map[v6.ID][]T
	blobs     map[v6.ID]string
}

// GetAffectedPackages implements v6.AffectedPackageStoreReader.
func (s *shelf) GetAffectedPackages(wanted *v6.PackageSpecifier, options *v6.GetPackageOptions) ([]v6.AffectedPackageHandle, error) {
	question, ok := s.understand(wanted, options)
	if !ok {
		return s.Reader.GetAffectedPackages(wanted, options)
	}
	return answer(s, s.affected, question, func(h *v6.AffectedPackageHandle) row {
		return row{h.PackageID, h.VulnerabilityID, h.BlobID, &h.BlobValue}
	})
}

// GetUnaffectedPackages implements v6.UnaffectedPackageStoreReader.
func (s *shelf) GetUnaffectedPackages(wanted *v6.PackageSpecifier, options *v6.GetPackageOptions) ([]v6.UnaffectedPackageHandle, error) {
	question, ok := s.understand(wanted, options)
	if !ok {
		return s.Reader.GetUnaffectedPackages(wanted, options)
	}
	return answer(s, s.unaffected, question, func(h *v6.UnaffectedPackageHandle) row {
		return row{h.PackageID, h.VulnerabilityID, h.BlobID, &h.BlobValue}
	})
}

// question is one that the shelf can answer: for a package by name.
type question struct {
	name, ecosystem string  // folded; any ecosystem if empty
	systems         []v6.ID // of distributions; sorted
	noSystem        bool    // records that are of no distribution
}

// set is what questions have in common whose answers are read together.
func (q question) set() string { return fmt.Sprint(q.ecosystem, q.noSystem, q.systems) }

// understand is false for all questions but the one that grype's matchers ask most.
func (s *shelf) understand(wanted *v6.PackageSpecifier, options *v6.GetPackageOptions) (question, bool) {
	if wanted == nil || wanted.Name == "" || wanted.CPE != nil || !onlyBlobs(options) {
		return question{}, false
	}
	q := question{name: fold(wanted.Name)}
	if _, foreseen := slices.BinarySearch(s.names, q.name); !foreseen {
		return q, false
	}
	var ok bool
	if q.ecosystem, ok = s.ecosystem(wanted.Ecosystem); !ok {
		return q, false
	}
	return q, s.addSystems(&q, options.OSs)
}

func onlyBlobs(o *v6.GetPackageOptions) bool {
	return o != nil && o.PreloadBlob && !o.PreloadOS && !o.PreloadPackage && !o.PreloadPackageCPEs &&
		!o.PreloadVulnerability && !o.AllowBroadCPEMatching && len(o.Vulnerabilities) == 0 && o.Limit == 0
}

// ecosystem is the name that the database has for an ecosystem; false where it has
// several.
func (s *shelf) ecosystem(stated string) (string, bool) {
	found := fold(stated)
	seen := 0
	for _, alias := range s.aliases {
		if alias.Ecosystem == "" || fold(alias.Ecosystem) != fold(stated) {
			continue
		}
		seen++
		if alias.ReplacementEcosystem != nil {
			found = fold(*alias.ReplacementEcosystem)
		}
	}
	return found, seen <= 1
}

// addSystems says of which distributions records are wanted; false where that is not
// plain.
func (s *shelf) addSystems(q *question, wanted v6.OSSpecifiers) bool {
	if len(wanted) == 0 {
		return false
	}
	for _, w := range wanted {
		switch {
		case w == v6.AnyOSSpecified:
			return false
		case *w == *v6.NoOSSpecified:
			q.noSystem = true
			continue
		}
		ids, err := s.systemIDs(*w)
		if err != nil {
			return false // grype asks again, and returns it
		}
		q.systems = append(q.systems, ids...)
	}
	slices.Sort(q.systems)
	q.systems = slices.Compact(q.systems)
	return q.noSystem != (len(q.systems) > 0)
}

func (s *shelf) systemIDs(wanted v6.OSSpecifier) ([]v6.ID, error) {
	if known, ok := s.systems[wanted]; ok {
		return known, nil
	}
	found, err := s.GetOperatingSystems(wanted)
	if err != nil {
		return nil, err
	}
	ids := make([]v6.ID, len(found))
	for i, system := range found {
		ids[i] = system.ID
	}
	s.systems[wanted] = ids
	return ids, nil
}

// row is what the shelf needs of either kind of record.
type row struct {
	packageID, vulnerabilityID, blobID v6.ID
	blob                               **v6.PackageBlob
}

// answer returns copies of the records of a package. Blobs are decoded for each, as
// grype does: who gets them may change them.
func answer[T any](s *shelf, sets map[string]records[T], q question, parts func(*T) row) ([]T, error) {
	set, ok := sets[q.set()]
	if !ok {
		var err error
		if set, err = readSet(s, q, parts); err != nil {
			return nil, err
		}
		sets[q.set()] = set
	}
	found := make([]T, 0)
	for _, id := range s.ids(q) {
		found = append(found, set.byPackage[id]...)
	}
	for i := range found {
		r := parts(&found[i])
		text := set.blobs[r.blobID]
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), r.blob); err != nil {
			return nil, fmt.Errorf("reading the record of package %s: %w", q.name, err)
		}
	}
	return found, nil
}

// ids are those of the packages of a name in an ecosystem: one, unless any will do.
func (s *shelf) ids(q question) []v6.ID {
	var ids []v6.ID
	for _, p := range s.packages[q.name] {
		if q.ecosystem == "" || fold(p.Ecosystem) == q.ecosystem {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// readSet reads the records of all packages that will be looked up in this
// ecosystem and distribution.
func readSet[T any](s *shelf, q question, parts func(*T) row) (records[T], error) {
	var packages []v6.ID
	for _, name := range s.names {
		q.name = name
		packages = append(packages, s.ids(q)...)
	}
	set := records[T]{byPackage: make(map[v6.ID][]T)}
	var blobs []v6.ID
	for chunk := range slices.Chunk(packages, maxValues) {
		var found []T
		if err := q.restrict(s.direct).Where("package_id IN ?", chunk).Order("id").Find(&found).Error; err != nil {
			return set, fmt.Errorf("reading records of packages: %w", err)
		}
		for _, h := range found {
			r := parts(&h)
			set.byPackage[r.packageID] = append(set.byPackage[r.packageID], h)
			blobs = append(blobs, r.blobID)
			s.candidates = append(s.candidates, r.vulnerabilityID)
		}
	}
	var err error
	set.blobs, err = s.blobs(blobs)
	return set, err
}

func (q question) restrict(db *gorm.DB) *gorm.DB {
	if q.noSystem {
		return db.Where("operating_system_id IS NULL")
	}
	return db.Where("operating_system_id IN ?", q.systems)
}
