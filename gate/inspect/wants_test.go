package inspect

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWants(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path, head string
		size       int64
		want       bool
	}{
		"passwd":                           {"/etc/passwd", "root:x:0:0", 10, true},
		"group in a Nix store":             {"/nix/store/abc-group", "x", 10, true},
		"passwd beyond what runtimes read": {"/etc/passwd", "root:x:0:0", maxUserFile + 1, false},
		"program, however large":           {"/app", plain, 1 << 40, true},
		"static-pie program":               {"/lib/libx.so", elf{kind: elfShared}.String(), 1 << 20, true},
		"program, by its first 64 bytes":   {"/app", plain[:64], 1 << 20, true},
		"big-endian program":               {"/app", elf{big: true}.String(), 1 << 20, true},
		"library":                          {"/lib/libx.so", elf{kind: elfShared, noEntry: true}.String(), 1 << 20, false},
		"object":                           {"/x.o", elf{kind: 1}.String(), 1 << 20, false},
		"script":                           {"/x", "#!/bin/sh", 1 << 20, true},
		"private key of any name":          {"/x", "-----BEGIN RSA PRIVATE KEY-----\n", 1 << 10, true},
		"certificate":                      {"/usr/share/ca-certificates/x.crt", "-----BEGIN CERTIFICATE-----\n", 1 << 10, false},
		"known file":                       {"/root/.npmrc", "x", 10, true},
		"large known file":                 {"/root/.npmrc", "x", maxSecretFile + 1, false},
		"text":                             {"/x.txt", "hello", 5, false},
		"nothing":                          {"/x", "", 0, false},
		"marks beyond the head":            {"/x", strings.Repeat("x", headBytes) + "PRIVATE KEY-----", 1 << 11, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, Wants(test.path, []byte(test.head), test.size))
		})
	}
}
