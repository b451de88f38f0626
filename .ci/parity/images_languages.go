package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// goStatic has the programs of the demo, which are built with old modules.
func goStatic(ctx context.Context, l *lab) (remote.Taggable, error) {
	folder := filepath.Join(l.out, "cache", "programs")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s", "-o", folder+string(filepath.Separator),
		"./web", "./legacy", "mvdan.cc/sh/v3/cmd/gosh")
	cmd.Dir = filepath.Join("examples", "demo", "programs")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOWORK=off")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("compiling the demo's programs: %w", err)
	}
	var entries []entry
	for _, name := range []string{"web", "legacy", "gosh"} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{path: "app/" + name, content: string(content), executable: true})
	}
	return simpleImage("amd64", entries)
}

// pythonWheels has wheels as files, the same wheels installed, and a few old
// versions with known vulnerabilities by their metadata alone.
func pythonWheels(ctx context.Context, l *lab) (remote.Taggable, error) {
	root, err := l.unpacked(ctx, "python3-pip-whl", "python3-setuptools-whl", "python3-wheel-whl")
	if err != nil {
		return nil, err
	}
	entries, err := folder(filepath.Join(root, "usr"), "usr")
	if err != nil {
		return nil, err
	}
	const site = "usr/lib/python3.11/site-packages"
	for _, e := range entries {
		if strings.HasSuffix(e.path, ".whl") {
			installed, err := unzipped(e.content, site)
			if err != nil {
				return nil, fmt.Errorf("unpacking %s: %w", e.path, err)
			}
			entries = append(entries, installed...)
		}
	}
	entries = append(entries, distribution(site, "requests", "2.19.0")...)
	entries = append(entries, distribution(site, "Jinja2", "2.10")...)
	entries = append(entries, distribution(site, "PyYAML", "5.1")...)
	entries = append(entries, entry{path: "srv/requirements.txt", content: "flask==0.12.2\nurllib3==1.24.1 ; python_version > '3'\n"},
		entry{path: "srv/poetry.lock", content: "[[package]]\nname = \"django\"\nversion = \"2.2.1\"\n\n[metadata]\nlock-version = \"2.0\"\n"})
	removed := []entry{whiteout(site + "/PyYAML-5.1.dist-info"), {path: site + "/wheel/.wh..wh..opq"}}
	return simpleImage("amd64", entries, removed)
}

// distribution is what pip leaves of a wheel's metadata.
func distribution(site, name, version string) []entry {
	info := fmt.Sprintf("%s/%s-%s.dist-info/", site, name, version)
	return []entry{
		{path: info + "METADATA", content: fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nLicense: MIT\n\n", name, version)},
		{path: info + "RECORD", content: strings.ToLower(name) + "/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"},
		{path: info + "top_level.txt", content: strings.ToLower(name) + "\n"},
		{path: info + "WHEEL", content: "Wheel-Version: 1.0\nGenerator: bdist_wheel\n"},
		{path: site + "/" + strings.ToLower(name) + "/__init__.py"},
	}
}

func unzipped(archive, prefix string) ([]entry, error) {
	r, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, f := range r.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		content, err := f.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(content)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{path: path.Join(prefix, f.Name), content: string(data)})
	}
	return entries, nil
}

// nodeModules has what npm installs, and a second layer that removes some of it.
func nodeModules(ctx context.Context, l *lab) (remote.Taggable, error) {
	root := filepath.Join(l.out, "cache", "node")
	if _, err := os.Stat(root); err != nil {
		npm, err := tool("npm", "npm")
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(root+".part", 0o755); err != nil {
			return nil, err
		}
		if _, err := l.must(ctx, npm, "install", "--prefix", root+".part", "--ignore-scripts", "--no-audit", "--no-fund",
			"lodash@4.17.15", "minimist@1.2.0", "express@4.16.4", "node-forge@0.9.0"); err != nil {
			return nil, &missingError{"npm cannot install: " + err.Error()}
		}
		if err := os.Rename(root+".part", root); err != nil {
			return nil, err
		}
	}
	entries, err := folder(root, "srv/app")
	if err != nil {
		return nil, err
	}
	return simpleImage("amd64", entries,
		[]entry{whiteout("srv/app/node_modules/minimist"), whiteout("srv/app/package-lock.json"), {path: "srv/app/node_modules/qs/.wh..wh..opq"}})
}

// javaJars has jars of Debian's packages, and the same jars in a jar that is in a
// jar.
func javaJars(ctx context.Context, l *lab) (remote.Taggable, error) {
	root, err := l.unpacked(ctx, "libcommons-collections3-java", "libjackson2-databind-java", "liblog4j2-java",
		"libspring-core-java", "libxstream-java")
	if err != nil {
		return nil, err
	}
	entries, err := folder(filepath.Join(root, "usr", "share"), "usr/share")
	if err != nil {
		return nil, err
	}
	application, err := jarOfJars(entries)
	if err != nil {
		return nil, err
	}
	archive, err := jar("com.example", "archive", "1.2", map[string]string{"WEB-INF/lib/application-3.1.jar": application})
	if err != nil {
		return nil, err
	}
	entries = append(entries, entry{path: "opt/application-3.1.jar", content: application}, entry{path: "opt/archive.war", content: archive})
	return simpleImage("amd64", entries)
}

func jarOfJars(entries []entry) (string, error) {
	nested := map[string]string{}
	for _, e := range entries {
		if strings.HasSuffix(e.path, ".jar") && e.link == "" {
			nested["BOOT-INF/lib/"+path.Base(e.path)] = e.content
		}
	}
	// An old version by its metadata alone, as a shaded jar has it.
	nested["META-INF/maven/org.apache.commons/commons-text/pom.properties"] = "groupId=org.apache.commons\nartifactId=commons-text\nversion=1.9\n"
	return jar("com.example", "application", "3.1", nested)
}

// jar is an archive with Maven's properties of itself.
func jar(group, artifact, version string, files map[string]string) (string, error) {
	files["META-INF/MANIFEST.MF"] = "Manifest-Version: 1.0\nImplementation-Title: " + artifact + "\nImplementation-Version: " + version + "\n"
	files["META-INF/maven/"+group+"/"+artifact+"/pom.properties"] = "groupId=" + group + "\nartifactId=" + artifact + "\nversion=" + version + "\n"
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range distinct(keys(files)) {
		f, err := w.Create(name)
		if err != nil {
			return "", err
		}
		if _, err := io.WriteString(f, files[name]); err != nil {
			return "", err
		}
	}
	err := w.Close()
	return archive.String(), err
}

func keys[V any](m map[string]V) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

// otherLanguages has a manifest of each of a few more package managers.
func otherLanguages(context.Context, *lab) (remote.Taggable, error) {
	return simpleImage("amd64", []entry{
		{path: "usr/share/gems/specifications/rack-2.0.1.gemspec", content: "Gem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  s.version = \"2.0.1\"\n  s.licenses = [\"MIT\".freeze]\nend\n"},
		{path: "usr/share/gems/specifications/default/json-2.6.1.gemspec", content: "Gem::Specification.new do |s|\n  s.name = \"json\".freeze\n  s.version = \"2.6.1\"\nend\n"},
		{path: "srv/php/vendor/composer/installed.json", content: `{"packages":[{"name":"symfony/http-foundation","version":"v4.4.0","type":"library"},{"name":"guzzlehttp/guzzle","version":"6.5.0"}],"dev":false,"dev-package-names":[]}`},
		{path: "usr/lib/R/library/base/DESCRIPTION", content: "Package: base\nVersion: 4.3.1\nPriority: base\nTitle: The R Base Package\nAuthor: R Core Team\nLicense: Part of R 4.3.1\nBuilt: R 4.3.1; ; 2023-06-16 00:00:00 UTC; unix\n"},
		{path: "srv/net/app.deps.json", content: `{"runtimeTarget":{"name":".NETCoreApp,Version=v6.0"},"targets":{".NETCoreApp,Version=v6.0":{"app/1.0.0":{"dependencies":{"Newtonsoft.Json":"12.0.1"},"runtime":{"app.dll":{}}},"Newtonsoft.Json/12.0.1":{"runtime":{"lib/netstandard2.0/Newtonsoft.Json.dll":{}}}}},"libraries":{"app/1.0.0":{"type":"project","serviceable":false,"sha512":""},"Newtonsoft.Json/12.0.1":{"type":"package","serviceable":true,"sha512":"sha512-x","path":"newtonsoft.json/12.0.1","hashPath":"newtonsoft.json.12.0.1.nupkg.sha512"}}}`},
		{path: "opt/conda/conda-meta/numpy-1.16.0-py37_0.json", content: `{"name":"numpy","version":"1.16.0","build":"py37_0","build_number":0,"channel":"https://conda.example.com/main","license":"BSD","files":[]}`},
		{path: "srv/rust/Cargo.lock", content: "version = 3\n\n[[package]]\nname = \"time\"\nversion = \"0.1.42\"\nsource = \"registry+https://index.example.com\"\n"},
		{path: "srv/perl/.keep"},
		{path: "usr/share/lua/5.1/rocks/lua-cjson/2.1.0-1/lua-cjson-2.1.0-1.rockspec", content: "package = \"lua-cjson\"\nversion = \"2.1.0-1\"\nsource = { url = \"https://example.com/lua-cjson\" }\ndescription = { license = \"MIT\" }\n"},
		{path: "usr/lib/erlang/lib/crypto-5.1/ebin/crypto.app", content: "{application, crypto,\n [{description, \"CRYPTO\"}, {vsn, \"5.1\"}, {modules, [crypto]}]}.\n"},
		{path: "srv/swift/Package.resolved", content: `{"pins":[{"identity":"swift-nio","kind":"remoteSourceControl","location":"https://example.com/apple/swift-nio.git","state":{"revision":"abc","version":"2.30.0"}}],"version":2}`},
		{path: "srv/dart/pubspec.lock", content: "packages:\n  http:\n    dependency: \"direct main\"\n    description:\n      name: http\n      url: \"https://pub.example.com\"\n    source: hosted\n    version: \"0.13.0\"\nsdks:\n  dart: \">=2.12.0 <4.0.0\"\n"},
	})
}
