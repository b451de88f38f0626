package scan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
)

// Listed is one reference that somebody wants judged.
type Listed struct {
	Name   string // as gate.Question.Reference takes it
	Digest string // what it means now; empty where that could not be found out
	// Updated is when it was pushed or made; zero where that is unknown.
	Updated time.Time
	// Namespace of the workload that uses it; empty where there is none.
	Namespace string
}

// Unit is one piece of work: a digest in one repository, for one namespace.
type Unit struct {
	Scan      string `json:"scan"`
	Reference string `json:"reference"` // by digest wherever there is one
	Digest    string `json:"digest,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// Name under which it was found first.
	Name string `json:"name"`
	// content and place are its key: two tokens of a subject.
	content, place string
}

// maxUnit bounds a message of the work queue, in bytes.
const maxUnit = 64 << 10

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// unitOf pins a reference to its digest. Tags end here: names of one digest in one
// repository are one unit.
func unitOf(scan string, l Listed) Unit {
	u := Unit{Scan: scan, Reference: l.Name, Digest: l.Digest, Namespace: l.Namespace, Name: l.Name}
	where := l.Name
	if digestForm.MatchString(l.Digest) {
		if repository, ok := repositoryOf(l.Name); ok {
			u.Reference, where = repository+"@"+l.Digest, repository
		}
	} else {
		u.Digest = ""
	}
	return u.keyed(where)
}

// keyed sets the key, from what everybody knows who has the unit.
func (u Unit) keyed(where string) Unit {
	u.content = strings.TrimPrefix(u.Digest, "sha256:")
	if u.Digest == "" {
		sum := sha256.Sum256([]byte(u.Name))
		u.content = "n" + hex.EncodeToString(sum[:])
	}
	sum := sha256.Sum256([]byte(where + "\n" + u.Namespace))
	u.place = hex.EncodeToString(sum[:8])
	return u
}

// repositoryOf is the repository of an image in a registry. Layouts and archives on
// disk have none.
func repositoryOf(reference string) (string, bool) {
	for _, transport := range []string{"oci:", "oci-archive:", "docker-archive:", "docker-daemon:"} {
		if strings.HasPrefix(reference, transport) {
			return "", false
		}
	}
	parsed, err := name.ParseReference(reference, name.WeakValidation)
	if err != nil {
		return "", false
	}
	return parsed.Context().Name(), true
}

// local says that the unit is on the disk of whoever listed it.
func (u Unit) local() bool {
	_, inRegistry := repositoryOf(u.Reference)
	return !inRegistry
}

// key names the unit within its scan.
func (u Unit) key() string { return u.content + "." + u.place }

const (
	workPrefix   = "imagegate.work."
	resultPrefix = "imagegate.result."
)

func (u Unit) workSubject(c Class) string {
	return workPrefix + u.Scan + "." + string(c) + "." + u.key()
}

func (u Unit) resultSubject() string { return resultPrefix + u.Scan + "." + u.key() }

// readUnit reads a message of the work queue. Its key is that of the subject.
func readUnit(subject string, data []byte) (Unit, error) {
	var u Unit
	tokens := strings.Split(strings.TrimPrefix(subject, workPrefix), ".")
	if len(tokens) != 4 || len(data) > maxUnit {
		return u, errors.New("it is no unit of a scan")
	}
	if err := json.Unmarshal(data, &u); err != nil {
		return u, err
	}
	u.Scan, u.content, u.place = tokens[0], tokens[2], tokens[3]
	return u, nil
}
