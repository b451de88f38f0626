// Package vuln matches a bill of materials against a vulnerability database,
// and looks after the database: update, import, build, status. It is the only
// importer of grype, whose matchers and database format (version 6) it uses as
// they are, so that the vulnerabilities found equal those of the grype command; only
// a query that an open database has answered before is not asked again.
//
// Matching never touches the network and changes nothing on disk. Whether a
// database is fetched first is the caller's decision, and whether one is too old
// is the policy's: this package reports when it was built, and refuses only what
// it cannot judge with: a missing, damaged or foreign database, and a Linux
// distribution of which the database knows nothing.
//
// # A database directory
//
//	DIR/v6/current                 the name of the generation in use
//	DIR/v6/update.lock             held while a generation is installed
//	DIR/v6/<generation>/
//	    vulnerability.db           SQLite, never written again
//	    import.json                grype's own note of its checksum
//	    imagegate.json             checksum, build time, source
//	    in-use.lock                held, shared, by every open Database
//
// A new database is prepared beside the others, and becomes current by one
// rename. So a reader sees the old one or the new one and nothing between, two
// updates at once install one after the other, and an interrupted one leaves the
// old database in use. A generation that is neither current nor open is removed
// by the next installation. Each generation has a path of its own because SQLite
// shares its page cache between connections to one path.
//
// Open also takes what others made: a vulnerability.db, the directory that holds
// it, or grype's own cache directory.
package vuln
