package inspect

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
)

func TestMarked(t *testing.T) {
	t.Parallel()
	program := gatetest.Program()
	for name, test := range map[string]struct {
		path, content string
		want          bool
	}{
		"program":          {"/bin/app", program + "nothing of a shell", false},
		"text of a shell":  {"/bin/app", program + string(joined(shellMarks[2].texts[0])), true},
		"script":           {"/bin/app", "#!/bin/true\n", true},
		"user file":        {"/etc/passwd", program, true},
		"known for a key":  {"/root/.ssh/id_rsa", program, true},
		"no program":       {"/bin/app", "text", true},
		"nothing":          {"/bin/app", "", true},
		"header of a file": {"/bin/app", program[:40], true},
	} {
		require.Equal(t, test.want, Marked(test.path, []byte(test.content)), name)
	}
}
