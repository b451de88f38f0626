package estate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

func TestSums(t *testing.T) {
	t.Parallel()
	s := summary()
	require.Equal(t, []int{10, 2, 7, 1}, []int{s.Images, s.Allowed, s.Denied, s.Undecided})
	require.Equal(t, 1, s.Exploited)
	require.Equal(t, map[string]int{"high": 30, "low": 200}, s.Severities)
	require.Equal(t, int64(50<<20), s.PulledBytes)
	require.Equal(t, "registry.example.com/shop/api:1", s.Worst[0].Names[0], "what is known to be exploited comes first")
	require.Len(t, s.Worst, 8, "allowed images are not the worst")
	require.Equal(t, "vulnerabilities", s.Reasons[0].Rule)
	require.Equal(t, 7, s.Reasons[0].Images)
	require.Len(t, s.Reasons, 3)
}

func TestFixesMendMostFirst(t *testing.T) {
	t.Parallel()
	fixes := summary().Fixes
	require.Len(t, fixes, 3, "%+v", fixes)
	base := fixes[0]
	require.Equal(t, digest("7"), base.Layer, "one layer holds two packages of four images")
	require.Equal(t, "registry.example.com/base/debian:12", base.Base)
	require.Equal(t, []string{"zlib", "openssl"}, base.Packages)
	require.Equal(t, []int{4, 2, 7}, []int{base.Images, base.Mended, base.Removes}, "one image has another fault, another runs as root")
	require.Equal(t, []string{"curl", "8"}, []string{fixes[1].Package, fixes[1].To})
	require.Equal(t, []int{2, 2}, []int{fixes[1].Images, fixes[1].Mended})
	require.True(t, fixes[1].KEV)
	require.Equal(t, "8.1", fixes[2].To, "the highest of the versions that one package needs")
	require.Equal(t, []string{"7"}, fixes[2].From)
}

// TestFixesMend does what the plan says and counts again.
func TestFixesMend(t *testing.T) {
	t.Parallel()
	records := sample()
	done := map[string]bool{}
	mended := 0
	for _, f := range estateOf(records...).Summary(estate.Options{Now: day, Fixes: 100}).Fixes {
		done[f.Layer+f.Package+f.To] = true
		mended += f.Mended
	}
	left := 0
	for _, r := range records {
		if r.Verdict != policy.Deny {
			continue
		}
		open := slices.ContainsFunc(r.Findings, func(f estate.Finding) bool {
			return f.Outcome == policy.Fail && f.Rule != policy.RuleVulnerabilities
		})
		highest := map[string]string{}
		for _, v := range r.Vulnerabilities {
			if len(v.FixedIn) > 0 {
				highest[v.Package] = max(highest[v.Package], v.FixedIn[0])
			}
		}
		for _, v := range r.Vulnerabilities {
			open = open || !done[v.Layer] && !done[v.Package+highest[v.Package]]
		}
		if open {
			left++
		}
	}
	require.Equal(t, 7, mended+left)
}

func TestAnImageIsNotMendedByHalf(t *testing.T) {
	t.Parallel()
	r := record("app:1", "a", policy.Deny).refuses("CVE-1", "openssl", "1", "2", "").Record
	for name, change := range map[string]func(*estate.Record){
		"left out": func(r *estate.Record) { r.Omitted = map[string]int{"vulnerabilities": 1} },
		"no fix": func(r *estate.Record) {
			r.Vulnerabilities = append(r.Vulnerabilities, estate.Vulnerability{ID: "CVE-2", Package: "a", Outcome: policy.Fail})
		},
		"undecided": func(r *estate.Record) {
			r.Findings = append(r.Findings, estate.Finding{Rule: "sbom", Outcome: policy.Undecided})
		},
		"unknown word": func(r *estate.Record) { r.Findings = append(r.Findings, estate.Finding{Rule: "sbom", Outcome: "fine"}) },
		"other failure": func(r *estate.Record) {
			r.Findings = append(r.Findings, estate.Finding{Rule: "signatures", Outcome: policy.Fail})
		},
		"error": func(r *estate.Record) { r.Error = "killed its worker" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := r
			changed.Findings, changed.Vulnerabilities = slices.Clone(r.Findings), slices.Clone(r.Vulnerabilities)
			change(&changed)
			fixes := estateOf(changed).Summary(estate.Options{Now: day}).Fixes
			require.Len(t, fixes, 1)
			require.Zero(t, fixes[0].Mended)
		})
	}
	require.Equal(t, 1, estateOf(r).Summary(estate.Options{Now: day}).Fixes[0].Mended)
}

func TestTheFixedVersionIsAboveTheInstalledOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from  string
		fixed []string
		want  string
	}{
		{"1.22.3", []string{"1.21.13", "1.22.7", "1.23.1"}, "1.22.7"},
		{"1:2.0", []string{"3.0", "1:2.1"}, "1:2.1"},
		{"3.0.11-1~deb12u1", []string{"3.0.11-1~deb12u2", "3.0.15-1~deb12u1"}, "3.0.11-1~deb12u2"},
		{"1.0~rc1", []string{"1.0"}, "1.0"},
		{"v0.9", []string{"0.10"}, "0.10"},
		{"9", []string{"8", "8.1"}, "8.1"},
		{"2.0a", []string{"2.0", "2.0b"}, "2.0b"},
	} {
		r := record("app:1", "a", policy.Deny).refuses("CVE-1", "x", c.from, "", "").Record
		r.Vulnerabilities[0].FixedIn = c.fixed
		require.Equal(t, c.want, estateOf(r).Summary(estate.Options{Now: day}).Fixes[0].To, c.from)
	}
}

func TestExceptionsThatEnd(t *testing.T) {
	t.Parallel()
	list := summary().Exceptions
	require.Len(t, list, 2)
	require.True(t, list[0].Expired)
	require.False(t, list[0].Soon)
	require.Equal(t, "CVE-9 in perl", list[1].About)
	require.True(t, list[1].Soon)
	later := estateOf(sample()...).Summary(estate.Options{Now: day, Soon: time.Hour}).Exceptions
	require.False(t, later[1].Soon)
}

func TestChanges(t *testing.T) {
	t.Parallel()
	c := summary().Changes
	require.Equal(t, []int{1, 1, 7, 1, 1}, []int{c.Worse, c.Better, c.New, c.Gone, c.Same})
	require.Equal(t, "registry.example.com/shop/web:1", c.List[0].Name)
	require.Equal(t, "worse", c.List[0].Change)
	require.True(t, c.List[0].SameImage)
	require.NotEmpty(t, c.List[0].Reason)
	require.Equal(t, "better", c.List[1].Change)
	require.False(t, c.List[1].SameImage)
	require.Equal(t, "gone", c.List[len(c.List)-1].Change)
	require.Nil(t, estateOf(sample()...).Summary(estate.Options{Now: day}).Changes)
}

func TestTheLaterRecordCounts(t *testing.T) {
	t.Parallel()
	early, late := record("app:1", "a", policy.Deny).Record, record("app:2", "a", policy.Allow).Record
	late.JudgedAt, late.Scan = day.Add(time.Hour), "the next"
	unresolved := record("app:1", "b", policy.NotDecidable).Record
	unresolved.Digest, unresolved.JudgedAt = "", day.Add(-time.Hour)
	for _, order := range [][]estate.Record{{unresolved, early, late}, {unresolved, late, early}} {
		e := estateOf(order...)
		require.Equal(t, 1, e.Len())
		s := e.Summary(estate.Options{Now: day})
		require.Equal(t, []int{1, 0, 0}, []int{s.Allowed, s.Denied, s.Undecided})
		require.Equal(t, []string{"registry.example.com/app:1", "registry.example.com/app:2"}, s.All[0].Names)
	}
}

func TestTheWorseRecordOfOneScanCounts(t *testing.T) {
	t.Parallel()
	denied, allowed := record("app:1", "a", policy.Deny).Record, record("app:2", "a", policy.Allow).Record
	allowed.JudgedAt = day.Add(time.Hour)
	for _, order := range [][]estate.Record{{denied, allowed}, {allowed, denied}} {
		s := estateOf(order...).Summary(estate.Options{Now: day})
		require.Equal(t, []int{0, 1, 0}, []int{s.Allowed, s.Denied, s.Undecided})
		require.Len(t, s.All[0].Names, 2)
	}
}

// TestPlacesAreJudgedApart: a digest that is signed in one repository and not in
// another is allowed here and denied there; neither hides the other.
func TestPlacesAreJudgedApart(t *testing.T) {
	t.Parallel()
	here, there, inside := record("signed/app:1", "a", policy.Allow).Record, record("copied/app:1", "a", policy.Deny).Record, record("signed/app:1", "a", policy.Deny).Record
	inside.Namespace = "shop"
	s := estateOf(here, there, inside).Summary(estate.Options{Now: day, Baseline: estateOf(here)})
	require.Equal(t, []int{3, 1, 2, 1, 3}, []int{s.Images, s.Allowed, s.Denied, s.Digests, s.References})
	require.Equal(t, []int{2, 1, 0}, []int{s.Changes.New, s.Changes.Same, s.Changes.Worse})
	require.Contains(t, written(t, estate.Markdown, s), "namespace shop")
}

func TestTheOrderOfRecordsDoesNotMatter(t *testing.T) {
	t.Parallel()
	records := sample()
	want := written(t, estate.HTML, estateOf(records...).Summary(estate.Options{Now: day, Baseline: before()}))
	slices.Reverse(records)
	require.Equal(t, want, written(t, estate.HTML, estateOf(records...).Summary(estate.Options{Now: day, Baseline: before()})))
}

func TestAnEmptyEstate(t *testing.T) {
	t.Parallel()
	s := estate.New().Summary(estate.Options{Now: day, Baseline: estate.New()})
	for _, write := range []estate.Writer{estate.CSV, estate.Markdown, estate.Prometheus, estate.HTML} {
		require.NotEmpty(t, written(t, write, s))
	}
}

func BenchmarkSummary(b *testing.B) {
	e := many(100_000)
	for b.Loop() {
		if s := e.Summary(estate.Options{Now: day}); s.Images != 100_000 {
			b.Fatal(fmt.Sprint(s.Images))
		}
	}
}
