package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// distroless is an installation without a package manager: one file a package.
func distroless(context.Context, *lab) (remote.Taggable, error) {
	return simpleImage("amd64", distrolessEntries())
}

func distrolessEntries() []entry {
	entries := []entry{
		{path: "usr/lib/os-release", content: "PRETTY_NAME=\"Distroless\"\nNAME=\"Debian GNU/Linux\"\nID=\"debian\"\nVERSION_ID=\"12\"\nVERSION=\"Debian GNU/Linux 12 (bookworm)\"\n"},
		{path: "etc/os-release", link: "../usr/lib/os-release"},
		{path: "etc/host.conf", content: "multi on\n"},
	}
	for _, p := range []struct{ name, version, source string }{
		{"base-files", "12.4+deb12u10", ""},
		{"libc6", "2.36-9+deb12u9", "glibc"},
		{"libssl3", "3.0.9-1", "openssl"},
		{"netbase", "6.4", ""},
		{"tzdata", "2024b-0+deb12u1", ""},
		{"libgcc-s1", "12.2.0-14", "gcc-12 (12.2.0-14+source)"},
		{"linux-libc-dev", "6.1.99-1", "linux"}, // has the kernel's source, but no kernel
	} {
		text := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: Debian <debian@example.com>\n", p.name, p.version)
		if p.source != "" {
			text += "Source: " + p.source + "\n"
		}
		entries = append(entries,
			entry{path: "var/lib/dpkg/status.d/" + p.name, content: text + "Description: a package\n"},
			entry{path: "var/lib/dpkg/status.d/" + p.name + ".md5sums", content: "d41d8cd98f00b204e9800998ecf8427e  etc/host.conf\n"},
			entry{path: "usr/share/doc/" + p.name + "/copyright", content: "License: GPL-2+\n"})
	}
	return entries
}

func apkDatabase(context.Context, *lab) (remote.Taggable, error) {
	return simpleImage("amd64", apkEntries())
}

// apkEntries are an installation of Alpine as far as its records go.
func apkEntries() []entry {
	var records string
	for _, p := range []struct{ name, version, origin, file string }{
		{"musl", "1.2.4-r1", "musl", "lib/ld-musl-x86_64.so.1"},
		{"busybox", "1.36.1-r2", "busybox", "bin/busybox"},
		{"busybox-binsh", "1.36.1-r2", "busybox", "bin/sh"},
		{"libcrypto3", "3.1.1-r1", "openssl", "lib/libcrypto.so.3"},
		{"libssl3", "3.1.1-r1", "openssl", "lib/libssl.so.3"},
		{"zlib", "1.2.13-r1", "zlib", "lib/libz.so.1.2.13"},
		{"apk-tools", "2.14.0-r2", "apk-tools", "sbin/apk"},
		{"python3", "3.11.4-r0", "python3", "usr/bin/python3.11"},
	} {
		records += fmt.Sprintf("C:Q1mB95Hq2NUTZ599RDiSsj9w5FrOU=\nP:%s\nV:%s\nA:x86_64\nS:1024\nI:4096\nT:a package\nU:https://example.com/\nL:MIT\no:%s\nm:nobody <nobody@example.com>\nt:1688000000\nc:0123456789abcdef0123456789abcdef01234567\nF:%s\nR:%s\na:0:0:755\nZ:Q1mB95Hq2NUTZ599RDiSsj9w5FrOU=\n\n",
			p.name, p.version, p.origin, filepath.Dir(p.file), filepath.Base(p.file))
	}
	return []entry{
		{path: "etc/os-release", content: "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.18.2\nPRETTY_NAME=\"Alpine Linux v3.18\"\n"},
		{path: "etc/alpine-release", content: "3.18.2\n"},
		{path: "etc/apk/repositories", content: "https://alpine.example.com/alpine/v3.18/main\n"},
		{path: "lib/apk/db/installed", content: records},
	}
}

// rpmPackages are built on the spot, so that rpm itself writes their headers.
var rpmPackages = []struct{ name, epoch, version, release, parts string }{
	{"bash", "", "5.1.8", "6.el9_1", ""},
	{"openssl", "1", "3.0.7", "2.el9", "libs"},
	{"curl", "", "7.76.1", "23.el9", "minimal"},
	{"glibc", "", "2.34", "60.el9", "common"},
	{"kernel", "", "5.14.0", "284.el9", "headers"},
	{"python3.9", "", "3.9.16", "1.el9", "libs"},
}

// rpmDatabase is an installation of Red Hat Enterprise Linux as far as its
// database goes.
func rpmDatabase(ctx context.Context, l *lab) (remote.Taggable, error) {
	rpm, err := tool("rpm", "rpm")
	if err != nil {
		return nil, err
	}
	rpmbuild, err := tool("rpmbuild", "rpm")
	if err != nil {
		return nil, err
	}
	top, database := filepath.Join(l.work, "rpmbuild"), filepath.Join(l.work, "rpmdb")
	for _, p := range rpmPackages {
		file := filepath.Join(l.work, p.name+".spec")
		if err := os.WriteFile(file, []byte(specFile(p.name, p.epoch, p.version, p.release, p.parts)), 0o644); err != nil {
			return nil, err
		}
		if _, err := l.must(ctx, rpmbuild, "-bb", "--define", "_topdir "+top, "--define", "_dbpath "+database, "--define", "vendor Red Hat, Inc.", file); err != nil {
			return nil, err
		}
	}
	built, err := filepath.Glob(filepath.Join(top, "RPMS", "*", "*.rpm"))
	if err != nil {
		return nil, err
	}
	if _, err := l.must(ctx, rpm, "--dbpath", database, "--initdb"); err != nil {
		return nil, err
	}
	args := append([]string{"--dbpath", database, "-i", "--justdb", "--nodeps", "--noscripts", "--ignoreos"}, built...)
	if _, err := l.must(ctx, rpm, args...); err != nil {
		return nil, err
	}
	entries, err := folder(database, "var/lib/rpm")
	if err != nil {
		return nil, err
	}
	return simpleImage("amd64", append(entries, entry{path: "etc/os-release",
		content: "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.2 (Plow)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.2\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 9.2 (Plow)\"\n"}))
}

func specFile(name, epoch, version, release, part string) string {
	text := "Name: " + name + "\nVersion: " + version + "\nRelease: " + release + "\nSummary: a package\nLicense: GPLv3+\n"
	if epoch != "" {
		text += "Epoch: " + epoch + "\n"
	}
	text += "%description\na package\n%files\n"
	if part != "" {
		text += "%package " + part + "\nSummary: a part\n%description " + part + "\na part\n%files " + part + "\n"
	}
	return text
}
