package image

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/policy"
)

const someDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParse(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]policy.Reference{
		"nginx":                         {Transport: "registry", Registry: "index.docker.io", Repository: "library/nginx", Tag: "latest"},
		"example.com/a/b:v1":            {Transport: "registry", Registry: "example.com", Repository: "a/b", Tag: "v1"},
		"localhost:5000/app":            {Transport: "registry", Registry: "localhost:5000", Repository: "app", Tag: "latest"},
		"example.com/a@" + someDigest:   {Transport: "registry", Registry: "example.com", Repository: "a", ByDigest: true},
		"example.com/a:v@" + someDigest: {Transport: "registry", Registry: "example.com", Repository: "a", Tag: "v", ByDigest: true},
		"oci:./dir":                     {Transport: "oci"},
		"oci:dir:v1":                    {Transport: "oci", Tag: "v1"},
		"oci:/a/dir@" + someDigest:      {Transport: "oci", ByDigest: true},
		"oci-archive:a.tar:v1":          {Transport: "oci-archive", Tag: "v1"},
		"docker-archive:a.tar":          {Transport: "docker-archive"},
		"docker-archive:a.tar:app:v1":   {Transport: "docker-archive", Registry: "index.docker.io", Repository: "library/app", Tag: "v1"},
		"docker-daemon:app":             {Transport: "docker-daemon", Registry: "index.docker.io", Repository: "library/app", Tag: "latest"},
		"docker-daemon:" + someDigest:   {Transport: "docker-daemon"},
	} {
		t.Run(typed, func(t *testing.T) {
			t.Parallel()
			l, err := parse(typed)
			require.NoError(t, err)
			want.Typed = typed
			require.Equal(t, want, l.reference)
			require.Equal(t, want.ByDigest, l.digest.Hex != "")
		})
	}
}

func TestMisnamedReferencesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for typed, hint := range map[string]string{
		"":                                     "name an image",
		"a b":                                  "take them out",
		"a\x00b":                               "take them out",
		"docker://nginx":                       "leave it out: nginx",
		"https://example.com/app":              "leave it out: example.com/app",
		"./image":                              "oci:./image",
		"Example/App:v1":                       "lower case: example/app:v1",
		"example.com/app:":                     "did you mean example.com/app?",
		"example.com/app@sha256:12":            "this one has 2",
		"example.com/app@" + upper(someDigest): "lower case",
		"example.com/app@md5:12":               "a digest looks like",
		"oci:":                                 "for example oci:",
		"oci:dir:":                             "leave the last colon out",
		"oci:dir@sha256:zz":                    "a digest looks like",
		"docker-daemon:":                       "for example",
		"docker-daemon:A/B":                    "for example",
		"docker-archive:f:A/B":                 "for example",
		strings.Repeat("a", maxReference+1):    "",
	} {
		t.Run(typed[:min(len(typed), 40)], func(t *testing.T) {
			t.Parallel()
			_, err := parse(typed)
			var misnamed *gate.ReferenceError
			require.ErrorAs(t, err, &misnamed)
			require.Equal(t, typed, misnamed.Reference)
			require.Contains(t, misnamed.Remedy(), hint)
			require.NotContains(t, err.Error(), "\x00")
		})
	}
}

func upper(digest string) string {
	return "sha256:" + strings.ToUpper(strings.TrimPrefix(digest, "sha256:"))
}

func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{
		"nginx", "example.com:1/a/b:v1@" + someDigest, "oci:dir@" + someDigest, "oci-archive:a:b", "docker-archive:a:b:c",
		"docker-daemon:" + someDigest, "a@b@c", ":", "@", "http://x", "../x", "[::1]:5000/a", "é/ü:ñ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		l, err := parse(typed)
		if err != nil {
			if !errors.As(err, new(*gate.ReferenceError)) {
				t.Fatalf("%q: %T is no *gate.ReferenceError", typed, err)
			}
			return
		}
		if l.reference.Typed != typed || l.reference.ByDigest != (l.digest.Hex != "") {
			t.Fatalf("%q was read as %+v", typed, l)
		}
		if l.reference.Transport == transportRegistry && (l.repository.RepositoryStr() == "" || l.repository.RegistryStr() == "") {
			t.Fatalf("%q names no repository", typed)
		}
		if l.reference.Transport == transportRegistry && l.reference.Tag == "" && !l.reference.ByDigest {
			t.Fatalf("%q names neither tag nor digest", typed)
		}
	})
}
