package inspect

import (
	"errors"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imagegate/imagegate/policy"
	"github.com/imagegate/imagegate/sbom"
)

// process is what a runtime would start.
type process struct {
	files        sbom.Files
	creds        credentials
	args         []string
	searchPath   []string
	workingDir   string
	architecture string
}

// runnable starts the image's process on paper: first what the runtime does
// (find the program), then what the kernel does (interpreter, loader).
func runnable(config *v1.ConfigFile, files sbom.Files, creds credentials, unknown *userError) (*policy.Runnable, error) {
	p := newProcess(config, files, creds)
	program, err := p.start(unknown)
	var stopped *obstacle
	switch {
	case errors.As(err, &stopped):
		return &policy.Runnable{Path: program.Path, Reason: stopped.reason}, nil
	case err != nil:
		return nil, err
	}
	return &policy.Runnable{OK: true, Path: program.Path}, nil
}

func newProcess(config *v1.ConfigFile, files sbom.Files, creds credentials) *process {
	return &process{
		files:        files,
		creds:        creds,
		args:         boundedAll(slices.Concat(config.Config.Entrypoint, config.Config.Cmd)),
		searchPath:   strings.Split(environment(config)["PATH"], ":"),
		workingDir:   path.Join("/", bounded(config.Config.WorkingDir)),
		architecture: config.Architecture,
	}
}

func (p *process) start(unknown *userError) (sbom.File, error) {
	if unknown != nil {
		return sbom.File{}, blocked("no user to run as: %s", unknown.reason)
	}
	if len(p.args) == 0 || p.args[0] == "" {
		return sbom.File{}, blocked("no entry point: nothing to start")
	}
	// A runtime creates a working directory that is not there.
	if here, ok := p.files.Lookup(p.workingDir); ok && !here.Mode.IsDir() {
		return sbom.File{}, blocked("working directory %s is not a directory", p.workingDir)
	}
	program, err := p.find(p.args[0])
	if err != nil {
		return program, err
	}
	return program, p.execute(program, 0)
}

// find is what the runtime does with the first argument: a name with a slash is
// a path, any other is looked for in PATH, and the first that may be executed
// is taken (Go's exec.LookPath in runc, execvpe(3)).
func (p *process) find(name string) (sbom.File, error) {
	if strings.Contains(name, "/") {
		return p.executable(name)
	}
	var denied error
	for _, dir := range p.searchPath {
		candidate := path.Join("/", p.directory(dir), name)
		file, err := p.executable(candidate)
		if err == nil {
			return file, nil
		}
		if _, there := p.files.Lookup(candidate); there && denied == nil {
			denied = err
		}
	}
	if denied != nil {
		return sbom.File{}, denied
	}
	return sbom.File{}, blocked("%s: no such file in PATH %s", name, strings.Join(p.searchPath, ":"))
}

// executable is the file at path if it is one that the user may execute. The
// file comes also with the obstacle, where there is a file.
func (p *process) executable(path string) (sbom.File, error) {
	file, err := p.reach(path)
	switch {
	case err != nil:
		return sbom.File{}, err
	case file.Mode.IsDir():
		return file, blocked("%s is a directory", file.Path)
	case !file.Mode.IsRegular():
		return file, blocked("%s is not a regular file", file.Path)
	case !p.creds.may(file, executeBit):
		return file, blocked("%s cannot execute %s", p.creds, describe(file))
	}
	return file, nil
}

// execute is what the kernel does with an executable file: it takes an ELF
// program with its loader or a script with its interpreter, and nothing else
// (execve(2)). depth counts the scripts until here.
func (p *process) execute(file sbom.File, depth int) error {
	head, _, err := readHead(p.files, file, maxInterpreterLine)
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(string(head), "#!"):
		return p.interpret(file, head, depth)
	case strings.HasPrefix(string(head), elfMagic):
		return p.load(file)
	case file.Size == 0:
		return blocked("%s is empty", file.Path)
	}
	return blocked("%s is neither an ELF program nor a script with an interpreter line", file.Path)
}

// absolute places a path relative to the working directory. The number says how
// many files of its way are not searched, because the process is there already.
func (p *process) absolute(name string) (string, int) {
	if path.IsAbs(name) {
		return path.Clean(name), 0
	}
	here, ok := p.files.Lookup(p.workingDir)
	if !ok {
		return path.Join(p.workingDir, name), 0
	}
	above, err := p.files.Trace(here.Path)
	if err != nil {
		return path.Join(here.Path, name), 0
	}
	return path.Join(here.Path, name), len(above) - 1
}

// directory is an element of PATH; an empty one is the working directory.
func (p *process) directory(element string) string {
	if path.IsAbs(element) {
		return element
	}
	return path.Join(p.workingDir, element)
}
