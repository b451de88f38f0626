package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/store"
	"github.com/imagegate/imagegate/sbom/catalog"
)

// memoryFlags say whether what was found out is remembered.
type memoryFlags struct {
	off    bool
	shared *sharedMemory // nil: the cache folder
}

// sharedMemory is one that several machines have.
type sharedMemory struct {
	backend store.Backend
	secret  []byte
}

func (f *memoryFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.off, "no-cache", false, "read everything again, and remember nothing")
}

// scratchBytes is what one call remembers for its own images where nothing may be
// kept.
const scratchBytes = 64 << 20

// memory is what this call remembers, and where.
type memory struct {
	gate.Memory

	disk *store.Disk // nil: nowhere
}

// open opens the store in the cache folder. One that cannot be used is no reason
// not to judge: it is said, and the call remembers for itself.
func (f *memoryFlags) open(s *shared) memory {
	if f.off {
		return memory{Memory: store.NewScratch(scratchBytes)}
	}
	warn := func(err error) { s.progressf("cache: %v; --no-cache does without it", err) }
	if f.shared != nil {
		return f.shared.open(warn)
	}
	disk := s.disk()
	secret, err := disk.Secret()
	if err != nil {
		warn(err)
		return memory{Memory: store.NewScratch(scratchBytes)}
	}
	kept, err := store.New(disk, secret, store.WithWarning(warn))
	if err != nil {
		warn(err)
		return memory{Memory: store.NewScratch(scratchBytes)}
	}
	return memory{kept, disk}
}

func (m *sharedMemory) open(warn func(error)) memory {
	kept, err := store.New(m.backend, m.secret, store.WithWarning(warn))
	if err != nil {
		warn(err)
		return memory{Memory: store.NewScratch(scratchBytes)}
	}
	return memory{Memory: kept}
}

// close keeps the store within its size.
func (m memory) close() {
	if m.disk != nil {
		_ = m.disk.Close() // the verdict is made; what is too much now is removed another time
	}
}

// ofGate and ofImages hand the memory to those who use it.
func (m memory) ofGate() gate.Option {
	return gate.WithMemory(m.Memory, catalog.Codec{}, engines())
}

func (m memory) ofImages() image.Option { return image.WithMemory(m.Memory) }

// disk is the store's folder.
func (s *shared) disk() *store.Disk {
	return store.NewDisk(filepath.Join(s.cacheDir, "store"), store.DefaultLimit)
}

// engines names everything that facts depend on besides the bytes of an image: this
// program. A release is named by its version. A build of a developer has the same
// name as the one before it, so the file itself tells them apart.
func engines() string {
	name := "imagegate " + toolVersion()
	if !isRelease(toolVersion()) {
		if path, err := os.Executable(); err == nil {
			if info, err := os.Stat(path); err == nil {
				name += fmt.Sprintf(" %d %d", info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	for _, m := range buildInfo().Deps {
		switch m.Path {
		case "github.com/anchore/grype", "github.com/anchore/syft", "github.com/sigstore/cosign/v2":
			name += " " + m.Path + " " + m.Version
		}
	}
	return name
}

// isRelease is true of versions that name one program: v1.2.3 and v1.2.3-rc.1, but
// not v1.2.3-4-gabcdef (commits later) or v1.2.3-dirty, and no pseudo-version of
// local changes.
func isRelease(version string) bool {
	return strings.HasPrefix(version, "v") && !strings.Contains(version, "-g") &&
		!strings.Contains(version, "dirty") && !strings.Contains(version, "devel")
}
