package catalog

import (
	"path"
	"strings"
)

// Wants says whether a cataloger may open a regular file, so that its content has to
// be kept while its layer is read. It goes by the file's name, wherever it is, since
// a link can put it anywhere else; by the first bytes of its content, of which head
// has at least 8 where the file has them; never by size.
//
// The rule is wider than what is opened. Where it is too narrow after all (a link
// with a wanted name leads to a file with another), Catalog fails with
// sbom.ErrNotKept; the layers can then be read again with a rule that knows the links
// (filetree.Tree.Linked).
func Wants(name string, head []byte, _ int64) bool {
	return executableMagic(head) || byName(name)
}

// byName says whether a cataloger may open a file for its name.
func byName(name string) bool {
	base := path.Base(name)
	return wantedNames[base] ||
		wantedExtensions[strings.ToLower(path.Ext(base))] ||
		hasPrefix(base, wantedPrefixes) ||
		strings.HasSuffix(base, ".deps.json") ||
		isLicence(base) ||
		inWantedDirectory(name)
}

// wantedNames are the files that catalogers look for by their whole name.
var wantedNames = set(
	// what the distribution is
	"os-release", "system-release-cpe", "redhat-release", "debian_version", "busybox",
	"90ubuntu-advantage", "status.json", "repositories",
	// package databases: dpkg, apk, rpm, pacman, portage, nix
	"status", "copyright", "installed", "Packages", "Packages.db", "rpmdb.sqlite", "container-manifest-2",
	"desc", "mtree", "files", "CONTENTS", "LICENSE", "SIZE", "license_groups", "db.sqlite", "schema",
	// manifests of languages and products
	"package.json", "packages.lock.json", "libman.json", "installed.json", "install.json", "MYMETA.json",
	".packlist", "perllocal.pod", "pyvenv.cfg", "METADATA", "PKG-INFO", "DESCRIPTION", "conaninfo.txt", "release",
	"manifest.yaml", "snapcraft.yaml", "dpkg.yaml", "changelog.Debian.gz", "elixir.app", "Info.plist",
	".bitnami_components.json", "application.ini",
	// programs that may be scripts, so their content does not tell them
	"arangosh", "auditbeat", "bash", "beam.smp", "bun", "cabal", "chrome", "consul", "curl", "dart", "deno",
	"elastic-agent", "elixir", "envoy", "erlexec", "ffmpeg", "filebeat", "firefox", "fluent-bit", "gcc",
	"getopt", "go", "grafana", "grafana-server", "gzip", "haproxy", "heartbeat", "helm", "httpd", "java", "jdb",
	"jq", "julia", "ldapsearch", "liberts_internal.a", "lighttpd", "mariadb", "memcached", "metricbeat",
	"mongod", "mysql", "mysqld", "ndb_mgmd", "ndbd", "ndbmtd", "nginx", "nginx-ingress-controller", "node",
	"openssl", "packetbeat", "perl", "pilot-agent", "pilot-discovery", "postgres", "proftpd", "redis-server",
	"ruby", "sqlcipher", "stack", "swipl", "traefik", "valkey-server", "vault", "wp", "xtrabackup", "xz", "zstd",
	// kernels
	"kernel", "vmlinux", "vmlinuz", "bzImage", "zImage",
)

// wantedExtensions are lower-case; the file's may be either.
var wantedExtensions = set(
	// archives that Java runs from
	".jar", ".war", ".ear", ".par", ".sar", ".nar", ".kar", ".far", ".hpi", ".jpi", ".lpkg", ".rar", ".zip", ".zap",
	// programs and libraries
	".dll", ".exe", ".bpl", ".so", ".dylib", ".ko",
	// package databases
	".md5sums", ".conffiles", ".control", ".drv", ".reg",
	// manifests
	".egg-info", ".gemspec", ".rockspec", ".gguf", ".safetensors", ".pm", ".spdx",
)

// wantedPrefixes begin the names of which a cataloger knows no more.
var wantedPrefixes = []string{
	"python", "php", "composer", "ghc", "VERSION",
	"libav", "libQt", "libkrb5.so", "libphp", "libpypy", "libpython", "libstd-", "libswresample", "libjulia-internal",
	"kernel-", "vmlinux-", "vmlinuz-", "bzImage-", "zImage-",
}

// licencePrefixes are lower-case; the file's name may be either.
var licencePrefixes = []string{
	"licence", "license", "licen|e", "unlicen", "mit-licen", "mit_licen", "copying", "notice", "al2.0", "lgpl2.1",
}

func isLicence(base string) bool { return hasPrefix(strings.ToLower(base), licencePrefixes) }

// wantedDirectories are parts of a path, in lower case, under which everything is
// wanted, or what has the extension.
var wantedDirectories = []struct{ part, extension string }{
	{"/status.d/", ""},
	{"/sources.list.d/", ""},
	{"/content_manifests/", ".json"},
	{"dist-info/", ""},
	{"egg-info/", ""},
	{"/lib/modules/", ".gz"},
	{"/lib/modules/", ".xz"},
	{"/lib/modules/", ".zst"},
	{"/wp-content/plugins/", ".php"},
	{"/cellar/", ".rb"},
	{"/library/taps/", ".rb"},
}

func inWantedDirectory(name string) bool {
	lower := strings.ToLower(name)
	for _, directory := range wantedDirectories {
		if strings.HasSuffix(lower, directory.extension) && strings.Contains(lower, directory.part) {
			return true
		}
	}
	return isModelCard(name)
}

// isModelCard says whether a file may describe an AI model that lies beside it. Of
// the many files with these names, those of Node.js packages do not.
func isModelCard(name string) bool {
	base := path.Base(name)
	return (base == "config.json" || base == "README.md") && !strings.Contains(name, "/node_modules/")
}

func hasPrefix(name string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func set(names ...string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, name := range names {
		s[name] = true
	}
	return s
}
