package sbom_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/sbom"
)

const (
	v2High     = "AV:N/AC:L/Au:N/C:C/I:C/A:C"                                      // 10.0
	v30High    = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"                    // 9.8
	v31High    = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"                    // 9.8
	v31Medium  = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"                    // 5.3
	v31Nothing = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"                    // 0.0
	v40        = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N" // 6.9
)

func TestChoose(t *testing.T) {
	t.Parallel()
	score := func(source, vector string) sbom.Score { return sbom.Score{Source: source, Vector: vector} }
	tests := map[string]struct {
		scores []sbom.Score
		want   sbom.Score
		none   bool
	}{
		"nobody scored": {none: true},
		"only invalid vectors are nobody": {
			scores: []sbom.Score{score("nvd", "CVSS:3.1/AV:N"), score("vendor", ""), {Source: "nvd", Base: 9.8, Version: "3.1"}},
			none:   true,
		},
		"an invalid newer vector does not hide a valid older one": {
			scores: []sbom.Score{score("vendor", "CVSS:4.0/AV:X"), score("ghsa", v2High)},
			want:   sbom.Score{Source: "ghsa", Version: "2.0", Vector: v2High, Base: 10},
		},
		"the newest version counts, even if it is lower and of a later source": {
			scores: []sbom.Score{score("vendor", v31High), score("cna", v40), score("nvd", v2High)},
			want:   sbom.Score{Source: "cna", Version: "4.0", Vector: v40, Base: 6.9},
		},
		"3.1 before 3.0": {
			scores: []sbom.Score{score("vendor", v30High), score("nvd", v31Medium)},
			want:   sbom.Score{Source: "nvd", Version: "3.1", Vector: v31Medium, Base: 5.3},
		},
		"vendor before nvd": {
			scores: []sbom.Score{score("nvd", v31High), score("vendor", v31Medium)},
			want:   sbom.Score{Source: "vendor", Version: "3.1", Vector: v31Medium, Base: 5.3},
		},
		"nvd before ghsa before cna": {
			scores: []sbom.Score{score("cna", v31High), score("ghsa", v31High), score("nvd", v31Medium)},
			want:   sbom.Score{Source: "nvd", Version: "3.1", Vector: v31Medium, Base: 5.3},
		},
		"an unknown source comes last": {
			scores: []sbom.Score{score("rumour", v31High), score("cna", v31Medium)},
			want:   sbom.Score{Source: "cna", Version: "3.1", Vector: v31Medium, Base: 5.3},
		},
		"of one source and version the highest counts": {
			scores: []sbom.Score{score("nvd", v31Medium), score("nvd", v31High)},
			want:   sbom.Score{Source: "nvd", Version: "3.1", Vector: v31High, Base: 9.8},
		},
		"zero is a score": {
			scores: []sbom.Score{score("nvd", v31Nothing), score("nvd", v2High)},
			want:   sbom.Score{Source: "nvd", Version: "3.1", Vector: v31Nothing, Base: 0},
		},
		"version and base come from the vector": {
			scores: []sbom.Score{{Source: "nvd", Version: "4.0", Vector: v31Medium, Base: 1}},
			want:   sbom.Score{Source: "nvd", Version: "3.1", Vector: v31Medium, Base: 5.3},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := sbom.Choose(test.scores)
			require.Equal(t, !test.none, ok)
			require.Equal(t, test.want, got)
		})
	}
}

func TestChooseIgnoresOrder(t *testing.T) {
	t.Parallel()
	a := sbom.Score{Source: "nvd", Vector: v31High}
	b := sbom.Score{Source: "nvd", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P"} // equal base
	first, _ := sbom.Choose([]sbom.Score{a, b})
	second, _ := sbom.Choose([]sbom.Score{b, a})
	require.Equal(t, first, second)
}

func TestNewScoreIsTheBaseScore(t *testing.T) {
	t.Parallel()
	tests := map[string]float64{
		v2High:                      10,
		"(" + v2High + ")":          10,
		v31High + "/E:U":            9.8, // temporal
		v31High + "/MAV:P":          9.8, // environmental
		v40 + "/E:U":                6.9, // threat
		v40 + "/MVA:N":              6.9, // environmental
		" " + v31Medium:             5.3,
		v2High + "/E:U/RL:OF/RC:UC": 10,
	}
	for vector, want := range tests {
		got, err := sbom.NewScore("nvd", vector)
		require.NoError(t, err, vector)
		require.InDelta(t, want, got.Base, 0.001, vector)
	}
}

func FuzzNewScore(f *testing.F) {
	for _, seed := range []string{v2High, v30High, v31High, v40, "", "CVSS:3.1/", "CVSS:4.0/AV:N", "(((", v31High + v31High} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, vector string) {
		score, err := sbom.NewScore("nvd", vector)
		if err == nil && (score.Base < 0 || score.Base > 10 || score.Version == "") {
			t.Fatalf("%q gave %+v", vector, score)
		}
	})
}
