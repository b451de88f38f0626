package vuln

import (
	"fmt"
	"slices"
	"strings"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/distro"
)

// checkDistributions makes sure that packages of a distribution are looked up in
// advisories of that distribution. grype finds nothing for a package whose
// distribution is unknown, and says nothing about it.
func (i inventory) checkDistributions(reader v6.OperatingSystemStoreReader) error {
	unknown := make(map[string]*DistributionError)
	known := make(map[string]bool)
	for at := range i.packages {
		p := &i.packages[at]
		if !ofDistribution(p) {
			continue
		}
		name := i.distributionName(p.Distro)
		covered, asked := known[name]
		if !asked {
			var err error
			if covered, err = covers(reader, p.Distro); err != nil {
				return fmt.Errorf("looking up distribution %s: %w", name, err)
			}
			known[name] = covered
		}
		if covered {
			continue
		}
		if unknown[name] == nil {
			unknown[name] = &DistributionError{Distribution: name, Example: p.Name}
		}
		unknown[name].Packages++
	}
	return worst(unknown)
}

// worst is the error about most packages, as one error: what to do next is the
// same for all.
func worst(unknown map[string]*DistributionError) error {
	var found *DistributionError
	for _, candidate := range unknown {
		if found == nil || candidate.Packages > found.Packages ||
			candidate.Packages == found.Packages && candidate.Distribution < found.Distribution {
			found = candidate
		}
	}
	if found == nil {
		return nil
	}
	return found
}

func (i inventory) distributionName(d *distro.Distro) string {
	if d == nil {
		return i.stated
	}
	name := d.ID()
	if name == "" {
		name = d.Name()
	}
	return strings.TrimSpace(name + " " + d.VersionString())
}

// covers says whether the database has advisories for a distribution and its
// version. Derived distributions are looked up as what they derive from, as grype
// does ("centos" as "rhel").
func covers(reader v6.OperatingSystemStoreReader, d *distro.Distro) (bool, error) {
	if d == nil {
		return false, nil
	}
	for _, channel := range channelsOf(d) {
		rows, err := reader.GetOperatingSystems(v6.OSSpecifier{
			Name:             d.Name(),
			MajorVersion:     d.MajorVersion(),
			MinorVersion:     d.MinorVersion(),
			RemainingVersion: d.RemainingVersion(),
			LabelVersion:     d.LabelVersion(),
			Channel:          channel,
		})
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(rows, func(row v6.OperatingSystem) bool { return sameRelease(row, d) }) {
			return true, nil
		}
	}
	return false, nil
}

// channelsOf are the feeds that grype asks for a distribution: the subscriptions
// that the image shows, or the ordinary one.
func channelsOf(d *distro.Distro) []string {
	channels := slices.DeleteFunc(slices.Clone(d.Channels), func(c string) bool { return c == "" })
	if len(channels) == 0 {
		return []string{""}
	}
	return channels
}

// sameRelease refuses the last resort of the database's own search, which takes
// any minor version of the same major one: advisories for Alpine 3.20 say little
// about Alpine 3.99. A row without a minor version is about all of them.
func sameRelease(row v6.OperatingSystem, d *distro.Distro) bool {
	if row.MajorVersion != trimZeros(d.MajorVersion()) || row.MinorVersion == "" || d.MinorVersion() == "" {
		return true
	}
	return row.MinorVersion == trimZeros(d.MinorVersion())
}

// trimZeros writes "04" as the database does.
func trimZeros(version string) string {
	trimmed := strings.TrimLeft(version, "0")
	if trimmed == "" && version != "" {
		return "0"
	}
	return trimmed
}
