package main

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/gatetest"
	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

func badDatabases() []badInput {
	spoilt := func(spoil func(s *scene, file string)) func(*scene) {
		return func(s *scene) { s.good(); spoil(s, s.database()) }
	}
	return []badInput{
		{"missing", func(s *scene) { s.good(); s.args = []string{"--db", s.dir + "/nothing"} }, policy.NotDecidable, "missing", 0},
		{"truncated", spoilt(func(s *scene, file string) { require.NoError(s.t, os.Truncate(file, 20_000)) }), policy.NotDecidable, "corrupt", 0},
		{"empty", spoilt(func(s *scene, file string) { require.NoError(s.t, os.Truncate(file, 0)) }), policy.NotDecidable, "corrupt", 0},
		{"one bit flipped", spoilt(func(s *scene, file string) { change(s, file, func(b []byte) { b[len(b)/2] ^= 1 }) }), policy.NotDecidable, "corrupt", 0},
		{"its checksum gone", spoilt(func(s *scene, file string) {
			require.NoError(s.t, os.Remove(filepath.Join(filepath.Dir(file), "imagegate.json")))
		}), policy.NotDecidable, "", 0},
		{"of another schema", spoilt(func(s *scene, file string) { s.alone(file, `UPDATE db_metadata SET model = 7`) }), policy.NotDecidable, "unsupported", 0},
		{"without its tables", spoilt(func(s *scene, file string) { s.alone(file, `DROP TABLE affected_package_handles`) }), policy.NotDecidable, "", 0},
		{"of another age", spoilt(func(s *scene, file string) { s.alone(file, `UPDATE db_metadata SET build_timestamp = '2020-01-01'`) }), policy.NotDecidable, "vulnerabilities.database", 0},
		{"that is a file of another kind", func(s *scene) { s.good(); s.args = []string{"--db", s.file("vulnerability.db", []byte("text"))} }, policy.NotDecidable, "corrupt", 0},
		{"that names another folder", spoilt(func(s *scene, file string) {
			require.NoError(s.t, os.WriteFile(filepath.Join(filepath.Dir(filepath.Dir(file)), "current"), []byte("../../../../etc\n"), 0o600))
		}), policy.NotDecidable, "corrupt", 0},
		{"installed anew during a run", func(s *scene) { s.duringRun(s.replaceDatabase) }, policy.Deny, "CVE", 0},
		{"overwritten during a run", func(s *scene) {
			s.duringRun(func(file string) {
				change(s, file, func(b []byte) {
					for i := 100; i < len(b); i++ {
						b[i] = 0xff
					}
				})
			})
		}, policy.NotDecidable, "", 0},
		{"cut off during a run", func(s *scene) {
			s.duringRun(func(file string) { require.NoError(s.t, os.Truncate(file, 4096)) })
		}, policy.NotDecidable, "", 0},
		{"removed during a run", func(s *scene) {
			s.duringRun(func(file string) { require.NoError(s.t, os.RemoveAll(filepath.Dir(file))) })
		}, policy.Deny, "CVE", 0},
	}
}

// database is a copy of the database for this scene; the file of it is returned.
func (s *scene) database() string {
	s.t.Helper()
	dir := filepath.Join(s.dir, "db")
	require.NoError(s.t, os.CopyFS(dir, os.DirFS(filepath.Join(s.cache, "db"))))
	s.args = []string{"--db", dir}
	files, err := filepath.Glob(filepath.Join(dir, "v6", "*", "vulnerability.db"))
	require.NoError(s.t, err)
	require.Len(s.t, files, 1)
	require.NoError(s.t, os.Chmod(files[0], 0o600))
	return files[0]
}

// alone makes it a database without checksum, as other tools write them, and
// changes it.
func (s *scene) alone(file, statement string) {
	s.t.Helper()
	dir := s.t.(interface{ TempDir() string }).TempDir()
	moved := filepath.Join(dir, "vulnerability.db")
	require.NoError(s.t, os.Rename(file, moved))
	db, err := sql.Open("sqlite", moved)
	require.NoError(s.t, err)
	_, err = db.ExecContext(s.ctx, statement)
	require.NoError(s.t, err)
	require.NoError(s.t, db.Close())
	s.args = []string{"--db", dir}
}

// change edits a file in place.
func change(s *scene, file string, edit func([]byte)) {
	s.t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(s.t, err)
	edit(content)
	handle, err := os.OpenFile(file, os.O_WRONLY, 0)
	require.NoError(s.t, err)
	_, err = io.Copy(handle, bytes.NewReader(content))
	require.NoError(s.t, err)
	require.NoError(s.t, handle.Close())
}

// duringRun judges an image with vulnerable packages, and does something to the
// open database when its layer is read. It may be denied by the database that the
// run began with, but not be allowed.
func (s *scene) duringRun(happen func(file string)) {
	s.t.Helper()
	file := s.database()
	vulnerable := s.image(func(files map[string]string) { files["var/lib/dpkg/status"] = oldPackages })
	s.push(vulnerable)
	layers, err := vulnerable.Layers()
	require.NoError(s.t, err)
	digest, err := layers[0].Digest()
	require.NoError(s.t, err)
	s.registry.Break("/blobs/"+digest.String(), gatetest.Then(func() { happen(file) }))
	s.instead = func() outcome {
		p := s.unsigned()
		engines, done := realEngines(s.t, p, filepath.Join(s.dir, "db"))
		defer done()
		g, err := gate.New(p, engines)
		require.NoError(s.t, err)
		return s.check(s.ctx, g)
	}
}

// unsigned is a policy that does not ask for signatures.
func (s *scene) unsigned() *policy.Policy {
	s.t.Helper()
	p, err := (&policyFlags{policy: "restricted", skipSignatures: true}).load()
	require.NoError(s.t, err)
	return p
}

// replaceDatabase installs another database, as `db update` does.
func (s *scene) replaceDatabase(file string) {
	var out bytes.Buffer
	code := execute(context.Background(), []string{"db", "import", "--force", "-q", "--db", filepath.Join(s.dir, "db"), file}, console{out: &out, err: &out})
	if code != exitAllowed {
		s.t.Error(out.String())
	}
}

func badPolicies() []badInput {
	with := func(text string) func(*scene) {
		return func(s *scene) { s.good(); s.policy = s.file("policy.yaml", []byte(text)) }
	}
	const head = "apiVersion: imagegate.dev/v1\nkind: Policy\nmetadata: {name: test}\n"
	return []badInput{
		{"missing", func(s *scene) { s.policy = s.dir + "/nothing.yaml" }, misused, "there is no policy", 0},
		{"that is a folder", func(s *scene) { s.policy = s.dir }, misused, "policy", 0},
		{"empty", with(""), misused, "policy.yaml", 0},
		{"of nothing but comments", with("# nothing\n---\n"), misused, "policy.yaml", 0},
		{"binary", with("\x00\x01\xff\xfe"), misused, "policy.yaml", 0},
		{"that moves the cursor", with(head + "extends: restricted\n\"\\e[2J\\e]0;x\\a\": 1\n"), misused, "policy.yaml", 0},
		{"with a field that nobody knows", with(head + "vulnerabilites: {}\n"), misused, "vulnerabilities", 0},
		{"two documents", with(head + "---\n" + head), misused, "policy.yaml", 0},
		{"field twice", with(head + "enforcement: enforce\nenforcement: audit\n"), misused, "enforcement", 0},
		{"contradictory: a tag that is denied and warned about", with(head + "reference: {denyTags: [latest], warnTags: [latest]}\n"), policy.Allow, "", 0},
		{"contradictory: more signatures than signers", with(head + "signatures: {atLeast: 3, signers: [{name: a, keyless: {issuer: https://a.example.com, subject: a}}]}\n"), misused, "atLeast", 0},
		{"contradictory: a signer with key and identity", with(head + "signatures: {signers: [{name: a, key: {file: cosign.pub}, keyless: {issuer: https://a.example.com, subject: a}}]}\n"), misused, "key", 0},
		{"contradictory: platforms all and one", with(head + "platforms: [all, linux/amd64]\n"), misused, "platforms", 0},
		{"that names a key which is not there", func(s *scene) {
			with(head + "extends: restricted\nsignatures: {signers: [{name: a, key: {file: nothing.pub}}]}\n")(s)
			s.signers = []string{}
		}, misused, "nothing.pub", 0},
		{"that names a key which is none", func(s *scene) {
			s.file("text.pub", []byte("no key"))
			with(head + "extends: restricted\nsignatures: {signers: [{name: a, key: {file: text.pub}}]}\n")(s)
			s.signers = []string{}
		}, misused, "", 0},
		{"a billion laughs", with(head + laughs), misused, "policy.yaml", 0},
		{"nested 100,000 deep", with(head + "config: " + string(bytes.Repeat([]byte("["), 100_000))), misused, "policy.yaml", 0},
		{"of 20 MB", with(head + string(bytes.Repeat([]byte("# comment\n"), 2<<20))), misused, "policy.yaml", 0},
		{"that excuses everything, out of date", func(s *scene) {
			s.policy = s.file("policy.yaml", []byte(head+"extends: restricted\nexceptions: [{rule: config.nonRoot, images: [\"**\"], owner: a, reason: b, expires: 2020-01-01}]\n"))
			s.push(namedImage(s.t, "bad"))
		}, policy.Deny, "", 0},
	}
}

const laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" +
	"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n" +
	"g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n"

func badMachines() []badInput {
	cancelledOn := func(part string) func(*scene) {
		return func(s *scene) {
			s.byKey()
			s.good()
			s.registry.Break(part, gatetest.Then(s.cancel))
		}
	}
	return []badInput{
		{"cancelled before it began", func(s *scene) { s.good(); s.cancel() }, policy.NotDecidable, "", 0},
		{"cancelled at the login", cancelledOn("/v2/"), policy.NotDecidable, "", 0},
		{"cancelled while resolving", cancelledOn("/manifests/v1"), policy.NotDecidable, "", 0},
		{"cancelled while reading the config", cancelledOn("/blobs/"), policy.NotDecidable, "", 0},
		{"cancelled while looking for signatures", cancelledOn("/referrers/"), policy.NotDecidable, "", 0},
		{"cancelled while reading a layer", func(s *scene) {
			s.good()
			digest, err := s.goodLayers()[0].Digest()
			require.NoError(s.t, err)
			s.registry.Break("/blobs/"+digest.String(), gatetest.Then(s.cancel))
		}, policy.NotDecidable, "", 0},
		{"cancelled while inspecting files", func(s *scene) { s.cancelledAt("inspect") }, policy.NotDecidable, "cancel", 0},
		{"cancelled while listing packages", func(s *scene) { s.cancelledAt("catalog") }, policy.NotDecidable, "cancel", 0},
		{"cancelled while matching vulnerabilities", func(s *scene) { s.cancelledAt("match") }, policy.NotDecidable, "cancel", 0},
		{"nowhere for temporary files", func(s *scene) { s.large(); s.temp = s.dir + "/nowhere" }, policy.NotDecidable, "no such file", 512 << 20},
		{"disk full for the report", func(s *scene) { s.good(); s.args = []string{"-o", "json=/dev/full"} }, policy.NotDecidable, "no space left", 0},
		{"disk full for the SBOM", func(s *scene) { s.good(); s.args = []string{"--sbom", "spdx-json=/dev/full"} }, policy.NotDecidable, "no space left", 0},
		{"report to a folder that is not there", func(s *scene) { s.good(); s.args = []string{"-o", "json=" + s.dir + "/a/b"} }, policy.NotDecidable, "a/b", 0},
	}
}

// large pushes an image with more content to look into than is kept in memory.
func (s *scene) large() {
	s.t.Helper()
	big := gatetest.Entry{Path: "srv/big.jar", Content: "PK" + strings.Repeat("0123456789abcdef", 80<<20/16)}
	s.over(gatetest.Layer(s.t, gatetest.Uncompressed, big))
}

// cancelledAt judges with a gate that is cancelled just before an engine starts.
func (s *scene) cancelledAt(step string) {
	s.good()
	s.instead = func() outcome {
		p := s.unsigned()
		engines, done := realEngines(s.t, p, filepath.Join(s.cache, "db"))
		defer done()
		c := canceller{engines, step, s.cancel}
		g, err := gate.New(p, gate.Engines{Images: engines.Images, Inspector: cancelInspector{c}, Cataloger: cancelCataloger{c}, Matcher: cancelMatcher{c}})
		require.NoError(s.t, err)
		return s.check(s.ctx, g)
	}
}

// canceller passes on to real engines, after it has cancelled the check.
type canceller struct {
	gate.Engines
	step   string
	cancel context.CancelFunc
}

func (c canceller) at(step string) {
	if c.step == step {
		c.cancel()
	}
}

type cancelInspector struct{ canceller }

func (c cancelInspector) Config(config *v1.ConfigFile) (policy.Config, []policy.Content) {
	return c.Inspector.Config(config)
}

func (c cancelInspector) Files(ctx context.Context, config *v1.ConfigFile, files sbom.Files) (policy.Inspection, error) {
	c.at("inspect")
	return c.Inspector.Files(ctx, config, files)
}

type cancelCataloger struct{ canceller }

func (c cancelCataloger) Catalog(ctx context.Context, image sbom.Image, files sbom.Files) (*sbom.Document, error) {
	c.at("catalog")
	return c.Cataloger.Catalog(ctx, image, files)
}

type cancelMatcher struct{ canceller }

func (c cancelMatcher) Database() (*sbom.Database, error) { return c.Matcher.Database() }

func (c cancelMatcher) Match(ctx context.Context, document *sbom.Document) ([]sbom.Vulnerability, error) {
	c.at("match")
	return c.Matcher.Match(ctx, document)
}
