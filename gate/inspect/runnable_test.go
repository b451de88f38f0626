package inspect

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/gatetest"
)

const (
	loader = "/lib64/ld-linux-x86-64.so.2"
	musl   = "/lib/ld-musl-x86_64.so.1"
)

func dynamic(loader string) string { return elf{kind: elfShared, loader: loader}.String() }

// base has a shell, env, a loader, and two users' worth of directories.
var base = []gatetest.Entry{
	file("etc/passwd", "root:x:0:0:::\napp:x:1000:1000:::\n"),
	file("etc/group", "app:x:1000:\nextra:x:5000:app\n"),
	file("lib64/ld-linux-x86-64.so.2", elf{kind: elfShared}.String()),
	file("usr/bin/dash", dynamic(loader)),
	symlink("bin", "usr/bin"),
	symlink("usr/bin/sh", "dash"),
	file("usr/bin/env", dynamic(loader)),
	file("usr/bin/python3", dynamic(loader)),
}

func TestRunnable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config  v1.Config // its user is app unless it says
		entries []gatetest.Entry
		path    string
		reason  string // empty: runnable
	}{
		"static program": {
			config: v1.Config{Entrypoint: []string{"/app"}}, entries: []gatetest.Entry{file("app", plain)}, path: "/app"},
		"dynamic program": {
			config: v1.Config{Entrypoint: []string{"/app"}}, entries: []gatetest.Entry{file("app", dynamic(loader))}, path: "/app"},
		"shell form": {
			config: v1.Config{Cmd: []string{"/bin/sh", "-c", "exec something"}}, path: "/usr/bin/dash"},
		"name in PATH": {
			config: v1.Config{Cmd: []string{"python3"}}, path: "/usr/bin/python3"},
		"name in the config's PATH": {
			config: v1.Config{Cmd: []string{"x"}, Env: []string{"PATH=/no", "PATH=/no:/opt/x/bin"}}, entries: []gatetest.Entry{file("opt/x/bin/x", plain)}, path: "/opt/x/bin/x"},
		"relative name in PATH": {
			config: v1.Config{Cmd: []string{"x"}, WorkingDir: "/w", Env: []string{"PATH=:/bin"}}, entries: []gatetest.Entry{file("w/x", plain)}, path: "/w/x"},
		"a file in PATH that cannot be executed is passed over": {
			config: v1.Config{Cmd: []string{"x"}}, entries: []gatetest.Entry{chmod(0o644, file("usr/local/bin/x", plain)), file("usr/bin/x", plain)}, path: "/usr/bin/x"},
		"entry point before command": {
			config: v1.Config{Entrypoint: []string{"/a"}, Cmd: []string{"/b"}}, entries: []gatetest.Entry{file("a", plain)}, path: "/a"},
		"relative to the working directory": {
			config: v1.Config{Cmd: []string{"./run"}, WorkingDir: "srv"}, entries: []gatetest.Entry{file("srv/run", plain)}, path: "/srv/run"},
		"the way to the working directory is not searched": {
			config: v1.Config{Cmd: []string{"./run"}, WorkingDir: "/a/b"}, path: "/a/b/run",
			entries: []gatetest.Entry{chmod(0o700, file("a/", "")), file("a/b/", ""), file("a/b/run", plain)}},
		"the working directory itself is": {
			config: v1.Config{Cmd: []string{"./run"}, WorkingDir: "/a/b"}, reason: "uid 1000 gid 1000 cannot search directory /a/b (mode 0700, owner 0:0)",
			entries: []gatetest.Entry{file("a/", ""), chmod(0o700, file("a/b/", "")), file("a/b/run", plain)}},
		"script": {
			config: v1.Config{Cmd: []string{"/run.sh"}}, entries: []gatetest.Entry{file("run.sh", "#!/bin/sh -e\n")}, path: "/run.sh"},
		"script by env": {
			config: v1.Config{Cmd: []string{"/run.py"}}, entries: []gatetest.Entry{file("run.py", "#!/usr/bin/env python3\n")}, path: "/run.py"},
		"script by env with split arguments": {
			config: v1.Config{Cmd: []string{"/run.py"}}, entries: []gatetest.Entry{file("run.py", "#!/usr/bin/env -S A=b python3 -u\n")}, path: "/run.py"},
		"script of a script": {
			config: v1.Config{Cmd: []string{"/a"}}, entries: []gatetest.Entry{file("a", "#!/b"), file("b", "#!/bin/sh")}, path: "/a"},
		"386 program of an amd64 image": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", elf{machine: 3}.String())}, path: "/app"},
		"by the owner's bits": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{chown(1000, 0, chmod(0o500, file("app", plain)))}, path: "/app"},
		"by the group's bits": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{chown(0, 1000, chmod(0o010, file("app", plain)))}, path: "/app"},
		"by a supplementary group": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{chown(0, 5000, chmod(0o710, file("app", plain)))}, path: "/app"},
		"root ignores permissions": {
			config: v1.Config{User: "0", Cmd: []string{"/a/app"}}, entries: []gatetest.Entry{chown(7, 7, chmod(0, file("a/", ""))), chown(7, 7, chmod(0o100, file("a/app", plain)))}, path: "/a/app"},

		"nothing to start": {
			reason: "no entry point: nothing to start"},
		"empty name": {
			config: v1.Config{Cmd: []string{""}}, reason: "no entry point: nothing to start"},
		"missing": {
			config: v1.Config{Cmd: []string{"/app"}}, reason: "/app: no such file"},
		"missing behind a link": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{symlink("app", "opt/app-1/app")}, reason: "/app: no such file (the way ends at /opt)"},
		"link to itself": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{symlink("app", "app")}, reason: "too many levels of symbolic links"},
		"a file on the way": {
			config: v1.Config{Cmd: []string{"/etc/passwd/app"}}, reason: "not a directory"},
		"not in PATH": {
			config: v1.Config{Cmd: []string{"app"}}, reason: "app: no such file in PATH /usr/local/sbin:/usr/local/bin:"},
		"no PATH": {
			config: v1.Config{Cmd: []string{"sh"}, Env: []string{"PATH=/sbin"}}, reason: "sh: no such file in PATH /sbin"},
		"directory": {
			config: v1.Config{Cmd: []string{"/etc"}}, reason: "/etc is a directory"},
		"no execute bit": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{chmod(0o644, file("app", plain))}, reason: "uid 1000 gid 1000 cannot execute /app (mode 0644, owner 0:0)"},
		"no execute bit in PATH": {
			config: v1.Config{Cmd: []string{"app"}}, entries: []gatetest.Entry{chmod(0o644, file("bin/app", plain))}, reason: "cannot execute"},
		"no execute bit for root either": {
			config: v1.Config{User: "root", Cmd: []string{"/app"}}, entries: []gatetest.Entry{chmod(0o644, file("app", plain))}, reason: "uid 0 gid 0 cannot execute /app"},
		"the owner's bits decide for the owner": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{chown(1000, 0, chmod(0o077, file("app", plain)))}, reason: "cannot execute /app (mode 0077, owner 1000:0)"},
		"only root may search the directory": {
			config: v1.Config{Cmd: []string{"/root/app"}}, entries: []gatetest.Entry{chmod(0o700, file("root/", "")), file("root/app", plain)},
			reason: "uid 1000 gid 1000 cannot search directory /root (mode 0700, owner 0:0)"},
		"nor whether something is in it": {
			config: v1.Config{Cmd: []string{"/root/app"}}, entries: []gatetest.Entry{chmod(0o700, file("root/", ""))}, reason: "cannot search directory /root"},
		"only root may search a directory behind a link": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{symlink("app", "/root/app"), chmod(0o700, file("root/", "")), file("root/app", plain)},
			reason: "cannot search directory /root"},
		"script that cannot be read": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{chmod(0o711, file("run", "#!/bin/sh\n"))}, reason: "cannot read script /run (mode 0711, owner 0:0)"},
		"missing interpreter": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{file("run", "#!/bin/bash\n")}, reason: "interpreter of /run: /bin/bash: no such file"},
		"carriage return": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{file("run", "#!/bin/sh\r\n")}, reason: "carriage return"},
		"interpreter without execute bit": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{file("run", "#!/i\n"), chmod(0o600, file("i", plain))}, reason: "interpreter of /run: uid 1000 gid 1000 cannot execute /i"},
		"missing program of env": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{file("run", "#!/usr/bin/env ruby\n")}, reason: "interpreter of /run by env: ruby: no such file in PATH"},
		"env takes all as one name": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{file("run", "#!/usr/bin/env python3 -u\n")}, reason: "python3 -u: no such file"},
		"script that is its own interpreter": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{file("run", "#!/run\n")}, reason: "/run: more than 4 interpreters"},
		"no interpreter in the line": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{file("run", "#! \n")}, reason: "names no interpreter"},
		"interpreter beyond what the kernel reads": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{file("run", "#!/"+strings.Repeat("x", 300)+"\n")}, reason: "names no interpreter within its first 256 bytes"},
		"text": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{chmod(0o755, file("run", "echo hello\n"))}, reason: "/run is neither an ELF program nor a script"},
		"empty file": {
			config: v1.Config{Cmd: []string{"/run"}}, entries: []gatetest.Entry{chmod(0o755, file("run", ""))}, reason: "/run is empty"},
		"missing loader": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", dynamic(musl))}, reason: "loader of /app: " + musl + ": no such file"},
		"loader for another machine": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", dynamic(musl)), file(musl, elf{machine: 183}.String())}, reason: musl + " is not a program for amd64 (ELF machine 183)"},
		"program for another machine": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", elf{machine: 183}.String())}, reason: "/app is not a program for amd64 (ELF machine 183)"},
		"program of the other byte order": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", elf{big: true}.String())}, reason: "/app is not a program for amd64"},
		"object file": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", elf{kind: 1}.String())}, reason: "/app is neither an ELF program"},
		"library": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", elf{kind: elfShared, noEntry: true}.String())}, reason: "/app is neither"},
		"cut off ELF header": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", plain[:40])}, reason: "/app"},
		"cut off program headers": {
			config: v1.Config{Cmd: []string{"/app"}}, entries: []gatetest.Entry{file("app", plain[:80])}, reason: "/app: program headers are cut off"},
		"working directory that is a file": {
			config: v1.Config{Cmd: []string{"/bin/sh"}, WorkingDir: "/etc/passwd"}, reason: "working directory /etc/passwd is not a directory"},
		"relative to a working directory that is not there": {
			config: v1.Config{Cmd: []string{"./run"}, WorkingDir: "/new"}, reason: "./run: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.config.User == "" {
				test.config.User = "app"
			}
			got := inspectFiles(t, linux(test.config), tree(t, base, test.entries)).Config.Runnable
			require.Equal(t, test.reason == "", got.OK, got.Reason)
			require.Contains(t, got.Reason, test.reason)
			if got.OK {
				require.Equal(t, test.path, got.Path)
			}
		})
	}
}

func TestUnknownArchitectureIsNotJudged(t *testing.T) {
	t.Parallel()
	config := linux(v1.Config{Cmd: []string{"/app"}})
	config.Architecture = "vax"
	got := inspectFiles(t, config, tree(t, []gatetest.Entry{file("app", elf{machine: 75}.String())}))
	require.True(t, got.Config.Runnable.OK, got.Config.Runnable.Reason)
}

func TestParseInterpreterLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 200)
	for line, want := range map[string][2]string{
		"#!/bin/sh\n":                {"/bin/sh", ""},
		"#!/bin/sh":                  {"/bin/sh", ""},
		"#! \t/bin/sh \t -e -x  \n$": {"/bin/sh", "-e -x"},
		"#!/bin/sh\x00junk":          {"/bin/sh", ""},
		"#!" + long + " " + long:     {long, long[:256-2-201]},
		"#!":                         {},
		"#!\n/bin/sh":                {},
		"#":                          {},
		"/bin/sh":                    {},
		"#!" + long + long:           {},
	} {
		interpreter, argument, ok := parseInterpreterLine([]byte(line))
		if want[0] == "" {
			require.False(t, ok, line)
			continue
		}
		require.True(t, ok, line)
		require.Equal(t, want, [2]string{interpreter, argument}, line)
	}
}

func TestEnvOperand(t *testing.T) {
	t.Parallel()
	for argument, want := range map[string]string{
		"python3": "python3", "python3 -u": "python3 -u", "-S python3 -u": "python3", "-Spython3": "python3",
		"--split-string=node --x": "node", "-S -i PATH=/x bash": "bash", "-S 'quoted' x": "", "-i": "", "A=b": "", "": "", "-S": "",
	} {
		require.Equal(t, want, envOperand(argument), argument)
	}
}

func FuzzInterpreterLine(f *testing.F) {
	f.Add([]byte("#!/usr/bin/env -S python3 -u\n"))
	f.Add([]byte("#! /bin/sh\r\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		interpreter, argument, ok := parseInterpreterLine(head)
		if ok {
			require.NotEmpty(t, interpreter)
			require.LessOrEqual(t, len(interpreter)+len(argument), maxInterpreterLine)
			require.NotContains(t, interpreter+argument, "\n")
		}
		envOperand(argument)
	})
}

func FuzzELF(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte(dynamic(loader)))
	f.Add([]byte(elf{big: true, loader: "/x"}.String()))
	f.Fuzz(func(t *testing.T, data []byte) {
		header, ok := parseELFHeader(data)
		if !ok {
			return
		}
		loader, err := header.loaderOf(strings.NewReader(string(data)))
		if err == nil {
			require.LessOrEqual(t, len(loader), maxLoaderPath)
		}
		Wants("/x", data, int64(len(data)))
	})
}
