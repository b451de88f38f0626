package vuln

import (
	"errors"
	"fmt"
	"strings"

	"github.com/anchore/grype/grype/db/data"
	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/db/v6/build/transformers"
	"github.com/anchore/grype/grype/version"

	"github.com/imagegate/imagegate/sbom"
)

// errNothing is a record of which grype's builder makes nothing, without saying so.
var errNothing = errors.New("nothing in it can be matched with a package")

// checkEntries refuses rows that would be stored but never match, and scores that
// cannot be computed.
func checkEntries(entries []data.Entry) error {
	if len(entries) == 0 {
		return errNothing
	}
	for _, entry := range entries {
		rows, ok := entry.Data.(transformers.RelatedEntries)
		if !ok {
			return fmt.Errorf("grype made a row of unknown type %T", entry.Data)
		}
		if rows.VulnerabilityHandle == nil && len(rows.Related) == 0 {
			return errNothing
		}
		if err := checkSeverities(rows.VulnerabilityHandle); err != nil {
			return err
		}
		for _, row := range rows.Related {
			if err := checkRanges(row); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkSeverities(vulnerability *v6.VulnerabilityHandle) error {
	if vulnerability == nil || vulnerability.BlobValue == nil {
		return nil
	}
	for _, severity := range vulnerability.BlobValue.Severities {
		switch value := severity.Value.(type) {
		case v6.CVSSSeverity:
			if _, err := sbom.NewScore("", value.Vector); err != nil {
				return err
			}
		case string:
			if !strings.EqualFold(value, sbom.SeverityUnknown) && severityWord(value) == sbom.SeverityUnknown {
				return fmt.Errorf("its severity %q is none of negligible, low, medium, high and critical", value)
			}
		}
	}
	return nil
}

func checkRanges(row any) error {
	name, blob := packageOf(row)
	if blob == nil {
		return nil
	}
	for _, r := range blob.Ranges {
		if _, err := version.GetConstraint(r.Version.Constraint, version.ParseFormat(r.Version.Type)); err != nil {
			return fmt.Errorf("package %s: its versions %q cannot be compared: %w", name, r.Version.Constraint, err)
		}
	}
	return nil
}

func packageOf(row any) (string, *v6.PackageBlob) {
	switch row := row.(type) {
	case v6.AffectedPackageHandle:
		return row.Package.Name, row.BlobValue
	case transformers.GoVulnDBAffectedPackage:
		return row.Handle.Package.Name, row.Handle.BlobValue
	case v6.UnaffectedPackageHandle:
		return row.Package.Name, row.BlobValue
	default:
		return "", nil
	}
}
