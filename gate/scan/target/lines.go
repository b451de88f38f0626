package target

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// lines reads references from a file or standard input: one a line, as `check`
// takes them. Empty lines and what follows a # at the start or after a space are
// left out.
func (l *lister) lines(ctx context.Context, t parsed) stream {
	return func(yield func(Reference, error) bool) {
		from, name := l.options.Stdin, "standard input"
		if t.rest != stdin {
			f, err := os.Open(t.rest)
			if err != nil {
				yield(Reference{}, failed(t.typed, &advised{err.Error(), "check the path"}, "reading references"))
				return
			}
			defer func() { _ = f.Close() }()
			from, name = f, t.rest
		}
		if from == nil {
			return
		}
		if err := l.eachLine(ctx, from, yield); err != nil {
			yield(Reference{}, failed(t.typed, err, "reading references from %s", name))
		}
	}
}

func (l *lister) eachLine(ctx context.Context, from io.Reader, yield func(Reference, error) bool) error {
	limits := l.options.Limits
	b := bufio.NewReaderSize(from, limits.LineBytes)
	for number := 1; ctx.Err() == nil; number++ {
		if number > limits.Lines {
			return overLimit("Lines", limits.Lines)
		}
		line, err := b.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("line %d: %w", number, overLimit("LineBytes", limits.LineBytes))
		}
		if bytes.IndexByte(line, 0) >= 0 {
			return &advised{fmt.Sprintf("line %d is no text", number), "give one reference a line"}
		}
		if reference := uncommented(string(line)); reference != "" && !yield(Reference{Name: reference}, nil) {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// uncommented is what a line says. References have neither spaces nor #, except
// paths of files, in which a # after no space stays.
func uncommented(line string) string {
	line = strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
	if strings.HasPrefix(line, "#") {
		return ""
	}
	if i := strings.Index(line, " #"); i >= 0 {
		line = line[:i]
	}
	return strings.TrimSpace(line)
}

// transported says whether a reference is one of `check` that is not in a registry.
func transported(reference string) bool {
	for _, prefix := range []string{"oci:", "oci-archive:", "docker-archive:", "docker-daemon:"} {
		if strings.HasPrefix(reference, prefix) {
			return true
		}
	}
	return false
}
