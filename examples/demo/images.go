package main

import (
	"archive/tar"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

// file is one entry of a layer.
type file struct {
	name string
	mode int64
	data []byte
	link string // target of a symbolic link
	dir  bool
}

const (
	passwd       = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
	group        = "root:x:0:\nnonroot:x:65532:\n"
	debian       = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n"
	acme         = "PRETTY_NAME=\"Acme Linux 7\"\nNAME=\"Acme Linux\"\nVERSION_ID=\"7\"\nID=acme\n"
	oldPackages  = "Package: libssl3\nStatus: install ok installed\nSource: openssl\nArchitecture: amd64\nMaintainer: Debian\nVersion: 3.0.9-1\n\nPackage: curl\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: Debian\nVersion: 7.88.1-10\n\nPackage: libnghttp2-14\nStatus: install ok installed\nSource: nghttp2\nArchitecture: amd64\nMaintainer: Debian\nVersion: 1.52.0-1\n\nPackage: libc6\nStatus: install ok installed\nSource: glibc\nArchitecture: amd64\nMaintainer: Debian\nVersion: 2.36-9+deb12u13\n"
	goodPackages = "Package: base-files\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: Debian\nVersion: 12.4+deb12u12\n\nPackage: tzdata\nStatus: install ok installed\nArchitecture: all\nMaintainer: Debian\nVersion: 2025b-0+deb12u2\n"
	acmePackages = "Package: acme-base\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: Acme\nVersion: 7.1-2\n"
)

// publish pushes the three images, signs web and strange with a fresh key and
// writes its public half.
func publish(host string, p programs, publicKey string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := os.WriteFile(publicKey, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644); err != nil {
		return err
	}
	base := []file{
		{name: "etc/", mode: 0o755, dir: true},
		{name: "etc/passwd", mode: 0o644, data: []byte(passwd)},
		{name: "etc/group", mode: 0o644, data: []byte(group)},
	}
	unprivileged := v1.Config{User: "65532:65532", Entrypoint: []string{"/app/server"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}}}

	// web is built as distroless images are: no shell, one file a package.
	if err := push(key, host+"/demo/web:1.0", true, unprivileged,
		append(base, file{name: "etc/os-release", mode: 0o644, data: []byte(debian)},
			file{name: "var/lib/dpkg/status.d/base", mode: 0o644, data: []byte(strings.Split(goodPackages, "\n\n")[0] + "\n")},
			file{name: "var/lib/dpkg/status.d/tzdata", mode: 0o644, data: []byte(strings.Split(goodPackages, "\n\n")[1])}),
		[]file{{name: "app/server", mode: 0o755, data: p["web"]}},
	); err != nil {
		return err
	}
	// legacy is what many images still are.
	if err := push(key, host+"/demo/legacy:latest", false,
		v1.Config{Cmd: []string{"/opt/legacy"}, Env: []string{"PATH=/usr/bin:/bin", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIzK7MDENGsbPxRfiCYzzzzzzzzzz"}},
		append(base, file{name: "etc/os-release", mode: 0o644, data: []byte(debian)},
			file{name: "var/lib/dpkg/status", mode: 0o644, data: []byte(oldPackages)},
			file{name: "bin/gosh", mode: 0o755, data: p["gosh"]},
			file{name: "bin/sh", link: "gosh"}),
		[]file{{name: "opt/legacy", mode: 0o4755, data: p["legacy"]}},
	); err != nil {
		return err
	}
	return push(key, host+"/demo/strange:1.0", true, unprivileged,
		append(base, file{name: "etc/os-release", mode: 0o644, data: []byte(acme)},
			file{name: "var/lib/dpkg/status", mode: 0o644, data: []byte(acmePackages)}),
		[]file{{name: "app/server", mode: 0o755, data: p["web"]}},
	)
}

// push pushes one image with one layer for each list of files, and signs it if asked.
func push(key *ecdsa.PrivateKey, reference string, sign bool, config v1.Config, layers ...[]file) error {
	image := empty.Image
	for _, files := range layers {
		data, err := archive(files)
		if err != nil {
			return err
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
		if err != nil {
			return err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return err
		}
	}
	configFile, err := image.ConfigFile()
	if err != nil {
		return err
	}
	configFile = configFile.DeepCopy()
	configFile.OS, configFile.Architecture, configFile.Config = "linux", "amd64", config
	if image, err = mutate.ConfigFile(image, configFile); err != nil {
		return err
	}
	tag, err := name.NewTag(reference)
	if err != nil {
		return err
	}
	if err := remote.Write(tag, image); err != nil {
		return err
	}
	if !sign {
		return nil
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	return attach(key, tag.Digest(digest.String()))
}

func archive(files []file) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), Typeflag: tar.TypeReg}
		switch {
		case f.dir:
			h.Typeflag = tar.TypeDir
		case f.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), w.Close()
}

// attach signs a digest as `cosign sign --key` does: a simple-signing payload in
// the layer of an image at the tag sha256-….sig (cosign's SIGNATURE_SPEC).
func attach(key *ecdsa.PrivateKey, digest name.Digest) error {
	payload := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`,
		digest.Context().Name(), digest.DigestStr())
	sum := sha256.Sum256([]byte(payload))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return err
	}
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer:       static.NewLayer([]byte(payload), "application/vnd.dev.cosign.simplesigning.v1+json"),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)},
	})
	if err != nil {
		return err
	}
	return remote.Write(digest.Context().Tag(strings.Replace(digest.DigestStr(), ":", "-", 1)+".sig"), image)
}
