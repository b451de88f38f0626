package main

import (
	"fmt"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/gate/gatetest"
)

const (
	debianRelease = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n"
	acmeRelease   = "PRETTY_NAME=\"Acme Linux 7\"\nVERSION_ID=\"7\"\nID=acme\n"
	passwd        = "root:x:0:0:root:/root:/sbin/nologin\napp:x:10001:10001::/:/sbin/nologin\n"
	oldPackages   = "Package: libssl3\nStatus: install ok installed\nSource: openssl\nArchitecture: amd64\nVersion: 3.0.9-1\n\n" +
		"Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.88.1-10\n"
	goodPackages = "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.4+deb12u12\n"
	acmePackages = "Package: acme-base\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.1-2\n"
)

// namedImage is one of the images that scripts push.
func namedImage(t testing.TB, name string) v1.Image {
	unprivileged := v1.ConfigFile{Config: v1.Config{User: "10001:10001", Entrypoint: []string{"/app"}}}
	files := map[string]string{"etc/passwd": passwd, "app": gatetest.Program(), "etc/os-release": debianRelease}
	switch name {
	case "good":
		files["var/lib/dpkg/status.d/base"] = goodPackages
	case "other":
		files["var/lib/dpkg/status.d/base"] = goodPackages
		files["etc/motd"] = "another image\n"
	case "capable": // cap_net_raw=ep, in the tar as docker and containerd write it
		files["var/lib/dpkg/status.d/base"] = goodPackages
		return gatetest.Image(t, unprivileged, gatetest.Layer(t, gatetest.Gzip, append(gatetest.Files(files), gatetest.Entry{
			Path: "srv/probe", Content: gatetest.Program(), Mode: 0o755,
			PAX: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20" + strings.Repeat("\x00", 14)},
		})...))
	case "stored": // whose files lie under digests, as those of an OSTree commit
		return gatetest.Image(t, unprivileged, gatetest.Layer(t, gatetest.Gzip, stored(map[string]string{
			"etc/passwd": passwd, "app": gatetest.Program(), "usr/lib/os-release": debianRelease, "etc/os-release": debianRelease,
			"var/lib/dpkg/status": oldPackages, "root/.npmrc": "//registry.example.com/:_authToken=abcdef0123456789\n",
		})...))
	case "aliased": // a link says what its program is; the program's own name does not
		return gatetest.Image(t, unprivileged, gatetest.Layer(t, gatetest.Gzip, append(gatetest.Files(files),
			gatetest.Entry{Path: "opt/runtime", Content: gatetest.Library("node.js/v18.1.0\x00"), Mode: 0o755},
			gatetest.Entry{Path: "usr/bin/node", Symlink: "/opt/runtime"})...))
	case "strange":
		files["etc/os-release"] = acmeRelease
		files["var/lib/dpkg/status"] = acmePackages
	case "bad":
		files["var/lib/dpkg/status"] = oldPackages
		files["bin/sh"] = gatetest.Program()
		unprivileged.Config.User = ""
		unprivileged.Config.Env = []string{"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIzK7MDENGsbPxRfiCYzzzzzzzzzz"}
	default:
		t.Fatalf("no image is called %q", name)
	}
	return gatetest.Image(t, unprivileged, gatetest.Layer(t, gatetest.Gzip, gatetest.Files(files)...))
}

// stored makes entries of files that have their names from hard links only.
func stored(files map[string]string) []gatetest.Entry {
	var entries []gatetest.Entry
	for i, file := range gatetest.Files(files) {
		object := gatetest.Entry{Path: fmt.Sprintf("sysroot/ostree/repo/objects/%02x/%040x.file", i, i), Content: file.Content, Mode: file.Mode}
		entries = append(entries, object, gatetest.Entry{Path: file.Path, Hardlink: object.Path, Mode: file.Mode})
	}
	return entries
}

// indexImage has two platforms that differ.
func indexImage(t testing.TB) v1.ImageIndex {
	arm := gatetest.WithConfig(t, namedImage(t, "other"), func(c *v1.ConfigFile) { c.Architecture = "arm64" })
	return gatetest.Index(t, namedImage(t, "good"), arm)
}
