package filetree

import (
	"archive/tar"
	"encoding/base64"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A layer states an extended attribute as a PAX record, either as star does, with
// the value as it is (which containerd, docker and CRI-O unpack), or as libarchive
// does, with an escaped name and a value in base64.
const (
	starAttribute       = "SCHILY.xattr."
	libarchiveAttribute = "LIBARCHIVE.xattr."
	// capabilityAttribute gives a program capabilities (capabilities(7)).
	capabilityAttribute = "security.capability"
)

const (
	// maxCapability is how much of a value is held, in bytes. Every struct
	// vfs_cap_data is shorter, so what is cut is none before and after.
	maxCapability = 32
	// unreadable stands for a value that is empty, that cannot be decoded, or that
	// is stated twice and differently. No struct vfs_cap_data is that short.
	unreadable = "?"
)

// capabilityOf is the value of security.capability that an entry states; empty
// where it states none.
func capabilityOf(hdr *tar.Header) string {
	var value string
	for key, text := range hdr.PAXRecords {
		stated, ok := attribute(key, text)
		if !ok {
			continue
		}
		if value != "" && value != stated {
			return unreadable
		}
		value = stated
	}
	return value
}

// attribute is the value of security.capability that a PAX record states, never
// empty; false of all other records.
func attribute(key, text string) (value string, ok bool) {
	if name, star := strings.CutPrefix(key, starAttribute); star {
		return readable(text, nil), name == capabilityAttribute
	}
	escaped, libarchive := strings.CutPrefix(key, libarchiveAttribute)
	if !libarchive {
		return "", false
	}
	if name, err := url.PathUnescape(escaped); err != nil || name != capabilityAttribute {
		return "", false
	}
	text = strings.TrimRight(text, "=") // libarchive writes none, others do
	decoded, err := base64.RawStdEncoding.DecodeString(text[:min(len(text), 2*maxCapability)])
	return readable(string(decoded), err), true
}

func readable(value string, err error) string {
	if value == "" || err != nil {
		return unreadable
	}
	return strings.Clone(value[:min(len(value), maxCapability)])
}

// addCapability notes what an entry of the layer states; empty: nothing.
func (l *Layer) addCapability(entry uint32, value string) error {
	if value == "" {
		return nil
	}
	if err := l.store.capabilities.take(1); err != nil {
		return err
	}
	if l.capabilities == nil {
		l.capabilities = make(map[uint32]string)
	}
	l.capabilities[entry] = value
	return nil
}

// grant gives a file the capability that the present entry states. One that states
// none leaves what the file has: of a hard link, containerd and docker take it away
// with chown(2), others do not, and a capability that may be there counts.
func (m *merger) grant(n uint32) {
	if m.capability == "" {
		return
	}
	if m.capabilities == nil {
		m.capabilities = make(map[uint32]string)
	}
	m.capabilities[n] = m.capability
}

// capabilities writes which entries state what, in the order of the entries.
func (e *encoder) capabilities() {
	e.number(int64(len(e.layer.capabilities)))
	for _, entry := range slices.Sorted(maps.Keys(e.layer.capabilities)) {
		e.number(int64(entry))
		e.text(e.layer.capabilities[entry])
	}
}

// capabilities reads what encoder.capabilities wrote of a layer with that many
// entries.
func (d *decoder) capabilities(entries int64) error {
	count := d.number(0, entries)
	next := int64(0)
	for range count {
		entry := d.number(next, entries-1)
		value := make([]byte, d.number(1, maxCapability))
		if _, err := io.ReadFull(d.in, value); err != nil || d.bad || !d.layer.entries.At(uint32(entry)).isFile() {
			return errEncoded
		}
		if err := d.layer.addCapability(uint32(entry), string(value)); err != nil {
			return err
		}
		next = entry + 1
	}
	if d.bad {
		return errEncoded
	}
	return nil
}

// isFile says whether an entry puts a regular file, or another name of a file, in
// its place: what may have a capability.
func (e *entry) isFile() bool { return e.kind == hardLink || e.kind == file && e.mode.IsRegular() }
