package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
	"github.com/imagegate/imagegate/sbom/vuln"
)

// databaseFlags say where the vulnerability database is and where it comes from.
type databaseFlags struct {
	path         string
	url          string
	insecureHTTP bool
	force        bool
	offline      bool
}

func (f *databaseFlags) register(flags *pflag.FlagSet) {
	f.registerPath(flags)
	f.registerURL(flags)
	flags.BoolVar(&f.offline, "offline", false, "never fetch a database")
}

func (f *databaseFlags) registerPath(flags *pflag.FlagSet) {
	flags.StringVar(&f.path, "db", "", "vulnerability database: folder or file (default: in the cache folder)")
}

func (f *databaseFlags) registerURL(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, "url", vuln.DefaultURL(), "address of the database: grype's service or a mirror")
	flags.BoolVar(&f.insecureHTTP, "insecure-http", false, "fetch the database over plain HTTP from other machines, too")
}

func (f *databaseFlags) registerForce(flags *pflag.FlagSet) {
	flags.BoolVar(&f.force, "force", false, "install it even if the one in place is as new or newer")
}

// options of an update or import, with where to show how far it is.
func (f *databaseFlags) options(show func(vuln.Progress)) []vuln.UpdateOption {
	options := []vuln.UpdateOption{vuln.WithProgress(show)}
	if f.insecureHTTP {
		options = append(options, vuln.WithInsecureHTTP())
	}
	if f.force {
		options = append(options, vuln.WithForce())
	}
	return options
}

// folder is where the database is, or goes.
func (f *databaseFlags) folder(s *shared) string {
	if f.path != "" {
		return f.path
	}
	return filepath.Join(s.cacheDir, "db")
}

// matcher is a vuln.Database that is opened, and fetched if need be, when the
// first image needs it. It implements gate.Matcher.
type matcher struct {
	ctx    context.Context // of the command: gate.Matcher's Database has none
	shared *shared
	flags  databaseFlags
	maxAge time.Duration
	once   sync.Once
	opened *vuln.Database
	err    error
}

func newMatcher(ctx context.Context, s *shared, f databaseFlags, rules policy.DatabaseRules) *matcher {
	return &matcher{ctx: ctx, shared: s, flags: f, maxAge: time.Duration(rules.MaxAge)}
}

func (m *matcher) open() (*vuln.Database, error) {
	m.once.Do(func() { m.opened, m.err = m.get(m.ctx) })
	return m.opened, m.err
}

// get opens the database. One that is missing or older than the policy allows is
// fetched first; if that fails, an old one is still used and the policy says what
// it is worth.
func (m *matcher) get(ctx context.Context) (*vuln.Database, error) {
	database, err := vuln.Open(m.flags.folder(m.shared))
	if m.flags.offline || !m.wants(database, err) {
		return database, err
	}
	fetchErr := fetchDatabase(ctx, m.shared, m.flags)
	if fetchErr != nil && database != nil {
		m.shared.progressf("could not update the database, using the one of %s: %s",
			builtOf(database).Format(time.DateOnly), fetchErr)
		return database, nil
	}
	if database != nil {
		_ = database.Close() // the newer one takes its place
	}
	if fetchErr != nil {
		return nil, errors.Join(err, fetchErr)
	}
	return vuln.Open(m.flags.folder(m.shared))
}

// wants says whether a fetch could help: nothing there, or too old.
func (m *matcher) wants(database *vuln.Database, err error) bool {
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return m.maxAge > 0 && time.Since(builtOf(database)) > m.maxAge
}

func builtOf(database *vuln.Database) time.Time {
	identity, err := database.Database()
	if err != nil {
		return time.Time{}
	}
	return identity.Built
}

func (m *matcher) Database() (*sbom.Database, error) {
	database, err := m.open()
	if err != nil {
		return nil, err
	}
	return database.Database()
}

func (m *matcher) Match(ctx context.Context, document *sbom.Document) ([]sbom.Vulnerability, error) {
	database, err := m.open()
	if err != nil {
		return nil, err
	}
	return database.Match(ctx, document)
}

// close frees the database if it was opened at all.
func (m *matcher) close() {
	if m.opened != nil {
		_ = m.opened.Close() // the verdict is made; a failing close changes nothing
	}
}
