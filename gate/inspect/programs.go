package inspect

import (
	"path"
	"strings"

	"github.com/imagegate/imagegate/policy"
)

// The programs that are known by name. A name counts in a directory of programs
// only (isBin), and only for a file that is a program.

// shellNames are the shells. Names that mean other things as well (rc of OpenRC
// and Plan 9, es, ion, gosh of Gauche, nu) are not here: shellMarks know those
// shells by content.
var shellNames = names(`
	sh ash dash bash rbash lbash zsh rzsh ksh rksh ksh93 rksh93 pdksh mksh lksh oksh loksh posh yash
	csh tcsh bsd-csh fish hush sash xonsh elvish pwsh
	bash-static zsh-static bash5 zsh5
`)

// interpreterNames are programs that run a text given to them, so that an
// attacker needs no shell. awk counts: it starts commands, and gawk opens
// sockets. java does not: it runs the image's own compiled code, as a loader
// does; jshell, which runs text, counts.
var interpreterNames = names(`
	python pypy pypy3 ipython perl raku ruby jruby mruby irb node nodejs deno bun qjs
	php php-cgi php-fpm lua luajit texlua tclsh wish expect
	awk gawk mawk nawk original-awk guile gauche-gosh gsi racket sbcl ecl
	erl escript elixir iex jshell groovy scala kotlin Rscript R julia octave ghci ocaml swipl gforth
`)

// debugToolNames are programs to look into other processes, to talk to the
// network or to fetch what the image does not bring. What every distribution's
// smallest image has anyway (ps, nsenter, mount) is not here.
var debugToolNames = names(`
	strace ltrace gdb gdbserver lldb dlv perf bpftrace bpftool valgrind sysdig lsof
	tcpdump tshark dumpcap ngrep termshark ss netstat ethtool iftop nethogs
	curl wget wget2 aria2c axel http https xh lynx links elinks w3m ftp lftp tftp ncftp
	nc nc.openbsd nc.traditional ncat netcat socat telnet telnet.netkit inetutils-telnet
	ssh scp sftp ssh-keyscan dbclient dropbear dropbearmulti sshpass mosh rsh rlogin rsync
	nmap nping zmap masscan hping hping3 arp-scan arping fping ping mtr traceroute tracepath tcptraceroute
	dig delv host nslookup drill kdig dog whois iperf iperf3 netperf
	grpcurl websocat mitmproxy openvpn chisel ngrok
	kubectl crictl ctr nerdctl docker podman runc helm etcdctl
	redis-cli mysql psql mongo mongosh sqlmap hydra john hashcat msfconsole
	tmux screen minicom
`)

// packageManagerNames are programs that install software: of distributions, of
// languages and of users.
var packageManagerNames = names(`
	apt apt-get aptitude dpkg apk rpm dnf dnf5 microdnf tdnf yum zypper pacman makepkg emerge xbps-install
	opkg ipkg swupd urpmi slackpkg nix nix-env guix snap flatpak brew
	pip pipx uv poetry pdm pipenv easy_install conda mamba micromamba
	npm npx yarn yarnpkg pnpm corepack gem bundle bundler composer pear pecl
	cargo cpan cpanm luarocks opam cabal stack mix rebar3 mvn gradle ivy nuget vcpkg conan
`)

// shellApplets are the names under which a multi-call program is a shell.
var shellApplets = names(`sh ash hush bash lbash toysh`)

// multiCallNames are the names under which a multi-call program takes the
// applet's name as its argument.
var multiCallNames = []string{"busybox", "toybox"}

func names(list string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(list) {
		set[name] = true
	}
	return set
}

// knownProgram is the class of a program's name. A version at its end does not
// matter ("python3.11", "perl5.36.0", "pip-23").
func knownProgram(file string) (policy.Class, string, bool) {
	for _, name := range []string{file, withoutVersion(file)} {
		switch {
		case shellNames[name]:
			return policy.ClassShell, name, true
		case interpreterNames[name]:
			return policy.ClassInterpreter, name, true
		case debugToolNames[name]:
			return policy.ClassDebugTool, name, true
		case packageManagerNames[name]:
			return policy.ClassPackageManager, name, true
		}
	}
	return "", "", false
}

func withoutVersion(name string) string {
	return strings.TrimRight(strings.TrimRight(name, "0123456789."), "-")
}

// binDirectories are where programs are looked for by name: every directory
// called bin or sbin, the root (where images from scratch keep theirs), and the
// directories of the image's PATH.
type binDirectories map[string]bool

func newBinDirectories(searchPath string) binDirectories {
	dirs := binDirectories{"/": true}
	for _, dir := range strings.Split(searchPath, ":") {
		if path.IsAbs(dir) {
			dirs[path.Clean(dir)] = true
		}
	}
	return dirs
}

func (dirs binDirectories) holds(file string) bool {
	dir, _ := path.Split(file)
	dir = path.Clean(dir)
	base := path.Base(dir)
	return base == "bin" || base == "sbin" || dirs[dir]
}
