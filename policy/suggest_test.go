package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy"
)

func TestSuggest(t *testing.T) {
	t.Parallel()
	known := []string{"shells", "secrets", "setuid", "interpreters"}
	for word, want := range map[string]string{
		"shell": "shells", "Shells": "shells", "sehlls": "shells", "secret": "secrets", "setiud": "setuid",
		"interpretters": "interpreters", "": "", "ports": "", "completely different": "",
	} {
		require.Equal(t, want, policy.Suggest(word, known), word)
	}
}
