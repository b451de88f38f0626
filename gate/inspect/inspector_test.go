package inspect

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

func TestConfigSaysWhatTheImageSays(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	config := linux(v1.Config{
		User: "app", Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, WorkingDir: "/srv",
		Labels: map[string]string{"base": "small"}, ExposedPorts: map[string]struct{}{"9000/udp": {}, "8080/tcp": {}},
		Env: []string{"DB_PASSWORD=c0rrect-horse"},
	})
	config.Created = v1.Time{Time: created}
	config.History = []v1.History{{CreatedBy: "FROM scratch"}, {CreatedBy: "RUN |1 NPM_TOKEN=c0rrect-horse /bin/sh -c npm ci"}}

	facts, content := New().Config(config)

	require.Equal(t, policy.Config{
		User: "app", Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, WorkingDir: "/srv",
		Labels: map[string]string{"base": "small"}, ExposedPorts: []string{"8080/tcp", "9000/udp"}, Created: &created,
	}, facts)
	require.Equal(t, []policy.Content{
		{Class: policy.ClassSecret, Path: "env:DB_PASSWORD", Via: viaContent, Name: "credential by its name"},
		{Class: policy.ClassSecret, Path: "history:1", Via: viaContent, Name: "credential by its name"},
	}, content)
}

func TestEmptyConfig(t *testing.T) {
	t.Parallel()
	facts, content := New().Config(&v1.ConfigFile{})
	require.Empty(t, content)
	require.Equal(t, policy.Config{Entrypoint: []string{}, Cmd: []string{}, Labels: map[string]string{}, ExposedPorts: []string{}}, facts)
}

func TestFilesFillsInWhoRunsWhat(t *testing.T) {
	t.Parallel()
	files := tree(t,
		[]gatetest.Entry{file("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/:/sbin/nologin\n"), file("bin/dash", shell("dash"))},
		[]gatetest.Entry{file("app", plain), symlink("bin/sh", "dash")},
	)
	got := inspectFiles(t, linux(v1.Config{User: "app", Entrypoint: []string{"/app"}, Env: []string{"API_TOKEN=c0rrect-horse"}}), files)

	require.Equal(t, int64(1000), *got.Config.UID)
	require.Equal(t, int64(1001), *got.Config.GID)
	require.Equal(t, &policy.Runnable{OK: true, Path: "/app"}, got.Config.Runnable)
	require.Equal(t, []policy.Content{
		{Class: policy.ClassSecret, Path: "env:API_TOKEN", Via: viaContent, Name: "credential by its name"},
		{Class: policy.ClassShell, Path: "/bin/dash", Layer: diffID(0), Via: viaPath, Name: "dash"},
		{Class: policy.ClassShell, Path: "/bin/sh", Layer: diffID(1), Via: viaLink, Name: "dash"},
	}, got.Content)
	require.Equal(t, 6, got.Size.Files) // with the two directories
}

func TestWindowsImagesAreNotJudgedByLinuxRules(t *testing.T) {
	t.Parallel()
	config := &v1.ConfigFile{OS: "windows", Config: v1.Config{User: "ContainerUser", Cmd: []string{"cmd.exe"}}}
	got := inspectFiles(t, config, tree(t, []gatetest.Entry{file("a", "b")}))
	require.Nil(t, got.Config.UID)
	require.Nil(t, got.Config.Runnable)
	require.Contains(t, got.Config.UserError, "windows")
}

func TestContentThatWasNotKeptIsNotAbsent(t *testing.T) {
	t.Parallel()
	files := treeKeeping(t, func(string, []byte, int64) bool { return false },
		[]gatetest.Entry{file("etc/passwd", "app:x:1000:1000::/:\n")})
	_, err := New().Files(context.Background(), linux(v1.Config{User: "app"}), files)
	require.ErrorIs(t, err, sbom.ErrNotKept)
}

// A hard link comes after the content of its file, whose own name is of no interest.
func TestSecretByAHardLinkIsNotAbsent(t *testing.T) {
	t.Parallel()
	entries := []gatetest.Entry{file("objects/ab12", "//registry.example.com/:_authToken=abcdef0123456789\n"), hardlink("root/.npmrc", "objects/ab12")}
	_, err := New().Files(context.Background(), linux(v1.Config{}), treeKeeping(t, Wants, entries))
	require.ErrorIs(t, err, sbom.ErrNotKept)
	found, err := New().Files(context.Background(), linux(v1.Config{}), treeKeeping(t, everything, entries))
	require.NoError(t, err)
	require.Equal(t, "/root/.npmrc", found.Content[0].Path)
}

// What is left out of a file that catalogers look into is not absent from one that is
// asked for by another name.
func TestContentThatWasCondensedIsNotAbsent(t *testing.T) {
	t.Parallel()
	text := "\x7fELF\n" + strings.Repeat("#\n", 4000) + "//registry.example.com/:_authToken=abcdef0123456789\napp:x:0:0::/:\n"
	for name, link := range map[string]string{"a secret": "root/.npmrc", "the users": "etc/passwd"} {
		entries := []gatetest.Entry{file("lib/libx.so", text), hardlink(link, "lib/libx.so")}
		condensed := treeBy(t, filetree.Rules{Keep: everything, Condense: func(string, []byte) ([]sbom.Range, bool) {
			return []sbom.Range{{Offset: 0, Length: 4 << 10}}, true
		}}, entries)
		_, err := New().Files(context.Background(), linux(v1.Config{User: "app"}), condensed)
		require.ErrorIs(t, err, sbom.ErrNotKept, name)
	}
}

func everything(string, []byte, int64) bool { return true }

func TestCancelledInspectionIsNoInspection(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := New().Files(ctx, linux(v1.Config{}), tree(t, []gatetest.Entry{file("a", "b")}))
	require.ErrorIs(t, err, context.Canceled)
}

func TestHostileConfigIsCut(t *testing.T) {
	t.Parallel()
	huge := string(make([]byte, maxText+1))
	labels := map[string]string{}
	for i := range maxItems + 10 {
		labels[string(rune(i+0x10000))] = "x"
	}
	facts, _ := New().Config(linux(v1.Config{Entrypoint: []string{huge}, Labels: labels}))
	require.Len(t, facts.Entrypoint[0], maxText)
	require.Len(t, facts.Labels, maxItems)
}

func TestTooManyFindingsAreUndecided(t *testing.T) {
	t.Parallel()
	entries := []gatetest.Entry{chmod(fs.ModeSetuid|0o755, file("first", plain))}
	for i := range maxContent {
		entries = append(entries, gatetest.Entry{Path: fmt.Sprintf("d/%d", i), Hardlink: "first", Mode: fs.ModeSetuid | 0o755})
	}
	_, err := New().Files(context.Background(), linux(v1.Config{}), tree(t, entries))
	var limit *LimitError
	require.ErrorAs(t, err, &limit)
	require.ErrorContains(t, err, "more than 20000 shells")
	require.NotEmpty(t, limit.Remedy())
}
