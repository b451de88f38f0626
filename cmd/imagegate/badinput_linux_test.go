package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/imagegate/imagegate/policy"
)

// badMounts are states of a disk that take a mount, which a process in a
// namespace of its own may make.
func badMounts() []badInput {
	const fill = `mount -t tmpfs -o size=8m tmpfs "$TMPDIR"`
	const freeze = `mount --bind "$IMAGEGATE_CACHE_DIR" "$IMAGEGATE_CACHE_DIR" && mount -o remount,ro,bind "$IMAGEGATE_CACHE_DIR"`
	return []badInput{
		{"disk full for temporary files", func(s *scene) { s.large(); s.mounted(fill, s.command) }, policy.NotDecidable, "no space left", 512 << 20},
		{"read-only cache", func(s *scene) { s.good(); s.mounted(freeze, s.command) }, policy.Allow, "", 0},
		{"read-only cache that is to be updated", func(s *scene) {
			archive := s.database()
			s.mounted(freeze, func() []string { return []string{"db", "import", "-q", "--force", archive} })
		}, policy.NotDecidable, "read-only file system", 0},
		{"disk full for a database", func(s *scene) {
			archive := s.database()
			s.mounted(`mount -t tmpfs -o size=64k tmpfs "$IMAGEGATE_CACHE_DIR"`, func() []string { return []string{"db", "import", "-q", archive} })
		}, policy.NotDecidable, "no space left", 0},
	}
}

// mounted runs a command after a mount that only it sees. What it leaves in the
// temporary folder, it says.
func (s *scene) mounted(mount string, command func() []string) {
	if err := isolated(exec.CommandContext(s.ctx, "mount", "-t", "tmpfs", "tmpfs", s.dir)).Run(); err != nil {
		s.t.Skipf("no mount can be made here: %v", err)
	}
	s.instead = func() outcome {
		const run = ` || exit 99; imagegate "$@"; code=$?; find "$TMPDIR" -mindepth 1 -printf 'left behind: %p\n' >&2; exit $code`
		shell := exec.CommandContext(s.ctx, "sh", append([]string{"-c", mount + run, "sh"}, command()...)...)
		got := s.elsewhere(isolated(shell))
		if strings.Contains(got.err, "left behind") {
			s.t.Error(got.err)
		}
		return got
	}
}

// isolated gives a command mounts of its own.
func isolated(command *exec.Cmd) *exec.Cmd {
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if user := os.Getuid(); user != 0 {
		root := []syscall.SysProcIDMap{{ContainerID: 0, HostID: user, Size: 1}}
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings, command.SysProcAttr.GidMappings = root, []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return command
}
