package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// directory is a container that is a directory. The root is opened for each file,
// so that nothing stays open; os.Root keeps links from leading out of it.
type directory string

func (d directory) open(name string) (io.ReadCloser, int64, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, 0, explainOpen(string(d), err)
	}
	defer func() { _ = root.Close() }()
	// A pipe would wait for its other end for ever.
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	size, err := regularSize(file)
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, size, nil
}

func regularSize(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, refuse("%s is no regular file", file.Name())
	}
	return info.Size(), nil
}

// explainOpen keeps "there is nothing" apart from "there is no such file in it".
func explainOpen(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return (&refused{message: fmt.Sprintf("%s does not exist", path)}).advising("check the path")
	}
	if info, stat := os.Stat(path); stat == nil && !info.IsDir() {
		return (&refused{message: path + " is no directory"}).advising("for a tar archive use oci-archive: or docker-archive:")
	}
	return err
}
