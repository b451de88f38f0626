package inspect

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// How something was recognised, in the words of policy.Content.Via.
const (
	viaPath    = "path"
	viaLink    = "link"
	viaContent = "content"
)

// classifier says of each file of one tree what kind of program it is. It reads
// a program once, however many names it has.
type classifier struct {
	files    sbom.Files
	marks    *scanner
	bins     binDirectories
	programs map[int64]program // by node
	// named are multi-call programs found under a name of their own or a shell's,
	// unnamed the first other name of each.
	named   map[int64]bool
	unnamed map[int64]policy.Content
}

// program is what a file is to the kernel, and which shell if it is one. The
// zero value is no program.
type program struct {
	runs     bool
	identity *identity
}

func newClassifier(files sbom.Files, marks *scanner, env map[string]string) *classifier {
	return &classifier{
		files: files, marks: marks, bins: newBinDirectories(env["PATH"]),
		programs: map[int64]program{}, named: map[int64]bool{}, unnamed: map[int64]policy.Content{},
	}
}

// classify returns the findings about one file: at most one for what it is, one for
// its setuid or setgid bit, and one for its capabilities.
func (c *classifier) classify(ctx context.Context, file sbom.File) ([]policy.Content, error) {
	var found []policy.Content
	for _, name := range []string{setuid(file), capabilities(file)} {
		if name != "" {
			found = append(found, finding(file, policy.ClassSetuid, viaPath, name))
		}
	}
	kind, err := c.kind(ctx, file)
	if kind != nil {
		found = append(found, *kind)
	}
	return found, err
}

func (c *classifier) kind(ctx context.Context, file sbom.File) (*policy.Content, error) {
	if file.Mode&fs.ModeSymlink == 0 {
		p, err := c.program(ctx, file)
		if err != nil || !p.runs {
			return nil, err
		}
		return c.kindOfFile(file, p), nil
	}
	target, ok := c.files.Lookup(file.Path)
	if !ok {
		return nil, nil
	}
	p, err := c.program(ctx, target)
	if err != nil || !p.runs {
		return nil, err
	}
	return c.kindOfLink(file, p), nil
}

// kindOfFile judges by content first: a shell under another name is a shell.
func (c *classifier) kindOfFile(file sbom.File, p program) *policy.Content {
	via := viaPath
	if file.Link != "" {
		via = viaLink
	}
	if content := c.shellByContent(file, p, via); content != nil {
		return content
	}
	return c.kindByName(file, p, via)
}

// shellByContent is nil unless the content is a shell's. A multi-call program is
// one under a shell's name and its own; its other names are other programs.
func (c *classifier) shellByContent(file sbom.File, p program, via string) *policy.Content {
	if p.identity == nil || !p.identity.shell {
		return nil
	}
	base := path.Base(file.Path)
	known := shellNames[base] || p.identity.multiCall && shellApplets[base]
	if !known && via == viaPath {
		via = viaContent
	}
	content := finding(file, policy.ClassShell, via, p.identity.name)
	switch {
	case !p.identity.multiCall:
	case known || isMultiCallName(base):
		c.named[file.Node] = true
	default:
		if _, ok := c.unnamed[file.Node]; !ok {
			c.unnamed[file.Node] = content
		}
		return nil
	}
	return &content
}

// hidden are the multi-call programs with a shell that no name gives away.
func (c *classifier) hidden() []policy.Content {
	var found []policy.Content
	for node, content := range c.unnamed {
		if !c.named[node] {
			found = append(found, content)
		}
	}
	return found
}

// kindOfLink judges a symbolic link to a program. Any link to a shell is one;
// links to other programs count by their own name, as what starts by it.
func (c *classifier) kindOfLink(link sbom.File, p program) *policy.Content {
	base := path.Base(link.Path)
	if p.identity != nil && p.identity.shell && (!p.identity.multiCall || shellApplets[base] || isMultiCallName(base)) {
		content := finding(link, policy.ClassShell, viaLink, p.identity.name)
		return &content
	}
	return c.kindByName(link, p, viaLink)
}

// kindByName judges by name and place. A multi-call program that was built
// without a shell is none by the name of one.
func (c *classifier) kindByName(file sbom.File, p program, via string) *policy.Content {
	class, name, known := knownProgram(path.Base(file.Path))
	if !known || !c.bins.holds(file.Path) || class == policy.ClassShell && p.identity != nil {
		return nil
	}
	content := finding(file, class, via, name)
	return &content
}

// program reads what a file is: executable by anybody, and an ELF program or a
// script. What the reader of the layers did not keep is neither.
func (c *classifier) program(ctx context.Context, file sbom.File) (program, error) {
	if !mayStart(file) || file.Size == 0 {
		return program{}, nil
	}
	if p, ok := c.programs[file.Node]; ok {
		return p, nil
	}
	p, err := c.readProgram(ctx, file)
	if err == nil {
		c.programs[file.Node] = p
	}
	return p, err
}

func (c *classifier) readProgram(ctx context.Context, file sbom.File) (program, error) {
	content, err := c.files.Open(file)
	if errors.Is(err, sbom.ErrNotKept) {
		return program{}, nil
	}
	if err != nil {
		return program{}, err
	}
	defer content.Close()
	head := make([]byte, elfHeaderBytes)
	n, err := content.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return program{}, err
	}
	if strings.HasPrefix(string(head[:n]), "#!") {
		return program{runs: true}, nil
	}
	header, ok := parseELFHeader(head[:n])
	if !ok || !header.starts() {
		return program{}, nil
	}
	identity, err := c.marks.find(ctx, content, file.Size)
	return program{runs: true, identity: identity}, err
}

// setuid names the bit of an executable file that gives its caller another user
// or group; empty where there is none.
func setuid(file sbom.File) string {
	switch {
	case !mayStart(file):
		return ""
	case file.Mode&fs.ModeSetuid != 0 && file.Mode&fs.ModeSetgid != 0:
		return "setuid, setgid"
	case file.Mode&fs.ModeSetuid != 0:
		return "setuid"
	case file.Mode&fs.ModeSetgid != 0:
		return "setgid"
	}
	return ""
}

// capabilities names what the kernel gives whoever starts a file; empty where that
// is nothing. What cannot be read may be everything: a kernel to come knows more.
func capabilities(file sbom.File) string {
	if !mayStart(file) || file.Capability == "" {
		return ""
	}
	c, ok := parseFileCapability(file.Capability)
	if !ok {
		return "unknown capability"
	}
	return c.String()
}

// mayStart says whether somebody may execute a file.
func mayStart(file sbom.File) bool { return file.Mode.IsRegular() && file.Mode&0o111 != 0 }

func isMultiCallName(base string) bool {
	return slices.ContainsFunc(multiCallNames, func(name string) bool { return strings.HasPrefix(base, name) })
}

func finding(file sbom.File, class policy.Class, via, name string) policy.Content {
	return policy.Content{Class: class, Path: file.Path, Layer: file.DiffID, Via: via, Name: name}
}

// sorted puts findings in the order of class, path and name.
func sorted(found []policy.Content) []policy.Content {
	slices.SortFunc(found, func(a, b policy.Content) int {
		return cmp.Or(
			cmp.Compare(a.Class, b.Class), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Via, b.Via), cmp.Compare(a.Layer, b.Layer))
	})
	return slices.Compact(found)
}
