package catalog

// RPM databases since Fedora 33 and RHEL 9 are SQLite files, and syft opens them with
// whatever driver the program registers under the name "sqlite". This is the one that
// grype registers: two drivers of one name would end the process at start.
import _ "github.com/glebarez/go-sqlite"
