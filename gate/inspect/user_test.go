package inspect

import (
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
)

const (
	passwd = `root:x:0:0:root:/root:/bin/sh
# comment
+::::::
toor:x:0:0::/root:/bin/sh
app:x:1000:1001:App:/home/app:/sbin/nologin
app:x:2000:2000:second of that name::
1000x:x:5:5:::
123:x:7:7:name that is a number::
broken
nouid:x:notanumber:12:::
short:x:42
huge:x:4294967296:1:::
negative:x:-1:1:::
hugegid:x:9:99999999999999999999:::
`
	group = `root:x:0:
staff:x:50:app,root
+:::
wheel:x:10:app
wheel:x:11:
77:x:78:
badgid:x:zzz:app
#app:x:99:app
`
)

func TestResolveUser(t *testing.T) {
	t.Parallel()
	files := tree(t, []gatetest.Entry{file("etc/passwd", passwd), file("etc/group", group)})
	for name, test := range map[string]struct {
		user   string
		want   credentials
		reason string // instead
	}{
		"nobody in the config is root":              {user: "", want: credentials{groups: []int64{50}}},
		"name":                                      {user: "app", want: credentials{1000, 1001, []int64{50, 10, 0}}},
		"uid with an entry has its groups":          {user: "1000", want: credentials{1000, 1001, []int64{50, 10, 0}}},
		"uid without an entry has group 0":          {user: "4711", want: credentials{uid: 4711}},
		"uid is never a name":                       {user: "123", want: credentials{uid: 123}},
		"user and group by name":                    {user: "app:wheel", want: credentials{uid: 1000, gid: 10}},
		"user and group by number":                  {user: "1000:4711", want: credentials{uid: 1000, gid: 4711}},
		"gid is never a name":                       {user: "1000:77", want: credentials{uid: 1000, gid: 77}},
		"name and gid":                              {user: "app:5", want: credentials{uid: 1000, gid: 5}},
		"only a group":                              {user: ":wheel", want: credentials{gid: 10}},
		"root by another name":                      {user: "toor", want: credentials{}},
		"no number as uid is 0":                     {user: "nouid", want: credentials{gid: 12}},
		"an entry that ends early has gid 0":        {user: "short", want: credentials{uid: 42}},
		"no number as gid is 0":                     {user: "4711:badgid", want: credentials{uid: 4711}},
		"NIS entry is a user called +":              {user: "+", want: credentials{}},
		"a comment is a user of that name":          {user: "# comment", want: credentials{}},
		"unknown user":                              {user: "nobody", reason: "unable to find user nobody"},
		"unknown group":                             {user: "app:nogroup", reason: "unable to find group nogroup"},
		"a commented group is unknown":              {user: "app:#app", reason: "unable to find group"},
		"uid beyond 31 bits":                        {user: "2147483648", reason: "range"},
		"uid that wraps to root":                    {user: "4294967296", reason: "range"},
		"uid beyond 64 bits":                        {user: "99999999999999999999", reason: "range"},
		"negative uid":                              {user: "-1", reason: "range"},
		"gid beyond 31 bits":                        {user: "1:4294967296", reason: "range"},
		"uid in the file that wraps to root":        {user: "huge", reason: "not within"},
		"negative uid in the file":                  {user: "negative", reason: "not within"},
		"gid in the file beyond 64 bits":            {user: "hugegid", reason: "not within"},
		"containerd refuses a second colon":         {user: "app:wheel:x", reason: "more than one colon"},
		"a user of a megabyte":                      {user: strings.Repeat("a", 1<<20), reason: "1048576 bytes"},
		"spaces are part of the name":               {user: " app", reason: "unable to find user"},
		"empty group is none given":                 {user: "app:", want: credentials{1000, 1001, []int64{50, 10, 0}}},
		"the sign of a number":                      {user: "+1000", want: credentials{1000, 1001, []int64{50, 10, 0}}},
		"hexadecimal is a name, and not there":      {user: "0x0", reason: "unable to find user"},
		"leading zeros are decimal":                 {user: "0000", want: credentials{groups: []int64{50}}},
		"a name that only begins with digits":       {user: "1000x", want: credentials{uid: 5, gid: 5}},
		"non-ASCII digits are a name, not a number": {user: "١", reason: "unable to find user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := resolveUser(linux(v1.Config{User: test.user}), files)
			if test.reason != "" {
				var unknown *userError
				require.ErrorAs(t, err, &unknown)
				require.Contains(t, unknown.Error(), test.reason)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestResolveUserWithoutFiles(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string][]gatetest.Entry{
		"no files":      {file("a", "b")},
		"empty files":   {file("etc/passwd", ""), file("etc/group", "")},
		"directories":   {file("etc/passwd/", ""), file("etc/group/", "")},
		"dangling link": {symlink("etc/passwd", "/nowhere")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := tree(t, entries)
			got, err := resolveUser(linux(v1.Config{User: "65532:65532"}), files)
			require.NoError(t, err)
			require.Equal(t, credentials{uid: 65532, gid: 65532}, got)
			_, err = resolveUser(linux(v1.Config{User: "root"}), files)
			require.ErrorContains(t, err, "unable to find user root")
		})
	}
}

func TestUserFilesBehindLinks(t *testing.T) {
	t.Parallel()
	files := tree(t, []gatetest.Entry{
		symlink("etc/passwd", "../store/abc-passwd"), file("store/abc-passwd", "app:x:3:4:::\n"),
		symlink("etc/group", "/usr/lib/group"), file("usr/lib/group", "g:x:6:app\n"),
	})
	got, err := resolveUser(linux(v1.Config{User: "app"}), files)
	require.NoError(t, err)
	require.Equal(t, credentials{3, 4, []int64{6}}, got)
}

func TestUserFilesBeyondWhatRuntimesRead(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"a file of 10 MiB": strings.Repeat("x:x:1:1:::\n", maxUserFile/10),
		"a line of 64 KiB": strings.Repeat("x", 70<<10) + "\napp:x:1:1:::\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := resolveUser(linux(v1.Config{User: "app"}), tree(t, []gatetest.Entry{file("etc/passwd", content)}))
			var unknown *userError
			require.ErrorAs(t, err, &unknown)
		})
	}
}

func TestUnknownUserIsAFactAndStartsNothing(t *testing.T) {
	t.Parallel()
	got := inspectFiles(t, linux(v1.Config{User: "ghost", Cmd: []string{"/app"}}), tree(t, []gatetest.Entry{file("app", plain)}))
	require.Nil(t, got.Config.UID)
	require.Contains(t, got.Config.UserError, "unable to find user ghost")
	require.False(t, got.Config.Runnable.OK)
	require.Contains(t, got.Config.Runnable.Reason, "ghost")
}

func FuzzResolveUser(f *testing.F) {
	f.Add("app", passwd, group)
	f.Add("0:0", "::::", ",,,:::")
	f.Add("4294967296", "a:x:4294967296:4294967296", "")
	f.Fuzz(func(t *testing.T, name, passwd, group string) {
		creds, err := execUser(name, strings.NewReader(passwd), strings.NewReader(group))
		var unknown *userError
		if err != nil {
			require.True(t, errors.As(err, &unknown))
			return
		}
		require.True(t, validID(creds.uid) && validID(creds.gid))
	})
}
