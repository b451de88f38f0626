package vuln

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/anchore/grype/grype/db/v6/distribution"
)

// publish writes the archive and the listing of the database in the folder. The
// listing is replaced last and at once, so that it never names an archive that is
// not there; older archives stay for whoever is still fetching them.
func publish(folder string, options BuildOptions) (archive, listing string, err error) {
	if err := os.MkdirAll(options.Publish, 0o755); err != nil {
		return "", "", err
	}
	name := fmt.Sprintf("vulnerability-db_v%d.%d.%d_%s.tar.gz",
		v6.ModelVersion, v6.Revision, v6.Addition, options.Built.Format("20060102T150405Z"))
	archive = filepath.Join(options.Publish, name)
	if err := pack(filepath.Join(folder, v6.VulnerabilityDBFileName), archive, options); err != nil {
		return "", "", err
	}
	described, err := distribution.NewArchive(archive, options.Built, v6.ModelVersion, v6.Revision, v6.Addition)
	if err != nil {
		return "", "", err
	}
	document := distribution.NewLatestDocument(*described)
	if document == nil {
		return "", "", errors.New("grype made no listing of the archive")
	}
	var content bytes.Buffer
	if err := document.Write(&content); err != nil {
		return "", "", err
	}
	content.WriteByte('\n')
	listing = filepath.Join(options.Publish, distribution.LatestFileName)
	return archive, listing, replaceFile(listing, content.Bytes())
}

// pack writes the tar.gz. grype's own way changes the working directory of the
// process meanwhile.
func pack(database, archive string, options BuildOptions) (err error) {
	content, err := os.Open(database)
	if err != nil {
		return err
	}
	defer content.Close()
	info, err := content.Stat()
	if err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(archive), ".archive-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(out.Name()))
		}
	}()
	compressed := gzip.NewWriter(out)
	entries := tar.NewWriter(compressed)
	err = entries.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: v6.VulnerabilityDBFileName, Size: info.Size(), Mode: 0o644,
		ModTime: options.Built, Format: tar.FormatPAX,
	})
	if err == nil {
		_, err = io.Copy(entries, content)
	}
	err = errors.Join(err, entries.Close(), compressed.Close(), out.Chmod(0o644), out.Sync(), out.Close())
	if err != nil {
		return err
	}
	return os.Rename(out.Name(), archive)
}
