package inspect

import (
	"io/fs"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
)

func TestContentOfFiles(t *testing.T) {
	t.Parallel()
	dash := shell("dash")
	for name, test := range map[string]struct {
		entries []gatetest.Entry
		env     []string
		want    []string // class path via name
	}{
		"shell by path":                    {entries: []gatetest.Entry{file("bin/sh", plain)}, want: []string{"shell /bin/sh path sh"}},
		"shell by content under its name":  {entries: []gatetest.Entry{file("bin/sh", dash)}, want: []string{"shell /bin/sh path dash"}},
		"shell under another name":         {entries: []gatetest.Entry{file("opt/tool", dash)}, want: []string{"shell /opt/tool content dash"}},
		"shell outside of bin directories": {entries: []gatetest.Entry{file("data/bash", shell("bash"))}, want: []string{"shell /data/bash path bash"}},
		"static position-independent shell": {
			entries: []gatetest.Entry{file("x", elf{kind: elfShared, texts: textsOf("zsh", 6)}.String())}, want: []string{"shell /x content zsh"}},
		"links to a shell, of any name": {
			entries: []gatetest.Entry{file("bin/dash", dash), symlink("bin/sh", "dash"), symlink("opt/tool", "/bin/sh"), symlink("gone", "/bin/gone")},
			want:    []string{"shell /bin/dash path dash", "shell /bin/sh link dash", "shell /opt/tool link dash"}},
		"hard links to a shell": {
			entries: []gatetest.Entry{file("bin/dash", dash), hardlink("bin/other", "bin/dash")},
			want:    []string{"shell /bin/dash path dash", "shell /bin/other link dash"}},
		"link to a directory of shells": {
			entries: []gatetest.Entry{file("usr/bin/sh", dash), symlink("bin", "usr/bin")}, want: []string{"shell /usr/bin/sh path dash"}},
		"an empty file is no shell":                  {entries: []gatetest.Entry{chmod(0o755, file("bin/sh", ""))}},
		"a text is no shell":                         {entries: []gatetest.Entry{chmod(0o755, file("bin/sh", "hello"))}},
		"a file that nobody may execute is no shell": {entries: []gatetest.Entry{chmod(0o644, file("bin/sh", dash))}},
		"a directory is no shell":                    {entries: []gatetest.Entry{file("bin/sh/", "")}},
		"a script by a shell's name is one":          {entries: []gatetest.Entry{file("bin/bash", "#!/bin/x\n")}, want: []string{"shell /bin/bash path bash"}},
		"a script is no shell by its texts":          {entries: []gatetest.Entry{file("x", "#!/x\n"+dash)}},
		"a library is no shell":                      {entries: []gatetest.Entry{file("x.so", elf{kind: elfShared, noEntry: true, texts: textsOf("dash", 8)}.String())}},
		"a program with some texts of a shell":       {entries: []gatetest.Entry{file("x", elf{texts: textsOf("dash", 3)}.String())}},

		"busybox by its name and its shell's": {
			entries: []gatetest.Entry{file("bin/busybox", busybox()), symlink("bin/sh", "busybox"), symlink("bin/cat", "busybox"), symlink("bin/wget", "/bin/busybox"), symlink("usr/bin/awk", "/bin/busybox")},
			want:    []string{"debugTool /bin/wget link wget", "interpreter /usr/bin/awk link awk", "shell /bin/busybox content busybox", "shell /bin/sh link busybox"}},
		"busybox by hard links": {
			entries: []gatetest.Entry{file("bb/[", busybox()), hardlink("bb/ash", "bb/["), hardlink("bb/cat", "bb/[")},
			want:    []string{"shell /bb/ash link busybox"}},
		"busybox under another name":          {entries: []gatetest.Entry{file("bb/cat", busybox()), hardlink("bb/tac", "bb/cat")}, want: []string{"shell /bb/cat content busybox"}},
		"busybox without a shell":             {entries: []gatetest.Entry{file("bin/busybox", elf{texts: append(textsOf("busybox", 2), "cat")}.String()), symlink("bin/sh", "busybox")}},
		"toybox without its unfinished shell": {entries: []gatetest.Entry{file("bin/toybox", elf{texts: textsOf("toybox", 1)}.String())}},
		"toybox with it": {
			entries: []gatetest.Entry{file("bin/toybox", elf{texts: append(textsOf("toybox", 1), "toys"+"h")}.String()), symlink("bin/bash", "toybox")},
			want:    []string{"shell /bin/bash link toybox", "shell /bin/toybox content toybox"}},

		"interpreters of any version": {
			entries: []gatetest.Entry{file("usr/bin/python3.11", plain), symlink("usr/bin/python3", "python3.11"), file("usr/local/bin/perl5.36.0", plain), file("usr/bin/python3-config", plain)},
			want:    []string{"interpreter /usr/bin/python3 link python", "interpreter /usr/bin/python3.11 path python", "interpreter /usr/local/bin/perl5.36.0 path perl"}},
		"tools where programs are": {
			entries: []gatetest.Entry{file("usr/bin/curl", plain), file("usr/sbin/tcpdump", plain), file("home/curl", plain), file("gdb", plain)},
			want:    []string{"debugTool /gdb path gdb", "debugTool /usr/bin/curl path curl", "debugTool /usr/sbin/tcpdump path tcpdump"}},
		"tools in the image's PATH": {
			env: []string{"PATH=/busy:/usr/bin"}, entries: []gatetest.Entry{file("busy/nc", plain), file("idle/nc", plain)}, want: []string{"debugTool /busy/nc path nc"}},
		"package managers, scripts too": {
			entries: []gatetest.Entry{file("usr/bin/apt-get", plain), file("usr/local/bin/pip3.11", "#!/usr/bin/python3\n"), file("usr/lib/npm/bin/npm-cli.js", "#!/usr/bin/env node\n"), symlink("usr/bin/npm", "../lib/npm/bin/npm-cli.js")},
			want:    []string{"packageManager /usr/bin/apt-get path apt-get", "packageManager /usr/bin/npm link npm", "packageManager /usr/local/bin/pip3.11 path pip"}},

		"setuid and setgid": {
			entries: []gatetest.Entry{
				chmod(fs.ModeSetuid|0o755, file("bin/su", plain)), chmod(fs.ModeSetgid|0o755, file("bin/wall", plain)), chmod(fs.ModeSetuid|fs.ModeSetgid|0o711, file("bin/both", plain)),
				chmod(fs.ModeSetgid|0o644, file("lock", "mandatory locking")), chmod(fs.ModeSetgid|0o755, file("var/mail/", ""))},
			want: []string{"setuid /bin/both path setuid, setgid", "setuid /bin/su path setuid", "setuid /bin/wall path setgid"}},
		"capabilities": {
			entries: []gatetest.Entry{
				capable(netRaw, file("bin/grant", plain)), capable(netRaw, chmod(fs.ModeSetuid|0o755, file("bin/both", plain))),
				capable("nonsense", file("bin/odd", plain)), capable(netRaw, file("srv/script", "#!/bin/x\n")), hardlink("bin/again", "bin/grant"),
				capable(netRaw, chmod(0o644, file("srv/text", "nobody starts it"))), capable(capabilityData(0x02000001, 0, 0, 0, 0), file("bin/none", plain))},
			want: []string{
				"setuid /bin/again path cap_net_raw=ep", "setuid /bin/both path cap_net_raw=ep", "setuid /bin/both path setuid",
				"setuid /bin/grant path cap_net_raw=ep", "setuid /bin/odd path unknown capability", "setuid /srv/script path cap_net_raw=ep"}},
		"capabilities as libarchive writes them": {
			entries: []gatetest.Entry{{Path: "srv/grant", Content: plain, Mode: 0o755, PAX: map[string]string{"LIBARCHIVE.xattr.security.capability": "AQAAAgAgAAAAAAAAAAAAAAAAAAA"}}},
			want:    []string{"setuid /srv/grant path cap_net_raw=ep"}},
		"two facts of one file": {
			entries: []gatetest.Entry{chmod(fs.ModeSetuid|0o755, file("bin/sh", dash))}, want: []string{"setuid /bin/sh path setuid", "shell /bin/sh path dash"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := inspectFiles(t, linux(v1.Config{Env: test.env}), tree(t, test.entries)).Content
			var found []string
			for _, c := range got {
				require.Equal(t, diffID(0), c.Layer)
				found = append(found, string(c.Class)+" "+c.Path+" "+c.Via+" "+c.Name)
			}
			require.Equal(t, test.want, found)
		})
	}
}

func TestRemovedShellsAreGone(t *testing.T) {
	t.Parallel()
	files := tree(t,
		[]gatetest.Entry{file("bin/dash", shell("dash")), symlink("bin/sh", "dash")},
		[]gatetest.Entry{file("bin/.wh.dash", "")})
	require.Empty(t, inspectFiles(t, linux(v1.Config{}), files).Content)
}

func TestLayerThatChangedTheModeIsNamed(t *testing.T) {
	t.Parallel()
	files := tree(t,
		[]gatetest.Entry{chmod(0o644, file("bin/sh", shell("dash")))},
		[]gatetest.Entry{chmod(0o755, file("bin/sh", shell("dash")))})
	got := inspectFiles(t, linux(v1.Config{}), files).Content
	require.Len(t, got, 1)
	require.Equal(t, diffID(1), got[0].Layer)
}
