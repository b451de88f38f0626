package catalog

import (
	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/cataloging/filecataloging"
	"github.com/anchore/syft/syft/file"
)

// configuration is that of the grype command, so that the same packages are found
// and matched, less what costs time and finds none.
func configuration() *syft.CreateSBOMConfig {
	// In series: syft's executor (go-sync v0.1.2) replaces a context that its workers
	// read without a lock, which the race detector reports.
	config := syft.DefaultCreateSBOMConfig().WithParallelism(1)

	// Without the symbols of Go programs, an advisory for one function matches every
	// program that links the module.
	config.Packages.Golang = config.Packages.Golang.WithCaptureSymbols(cataloging.SymbolScopeAll)

	// No network, no tool and no cache of this machine has a say in what an image
	// contains. The defaults look them up in the environment, and the document would
	// carry them.
	config.Packages.Golang.UsePackagesLib = false
	config.Packages.Golang.SearchLocalModCacheLicenses = false
	config.Packages.Golang.SearchLocalVendorLicenses = false
	config.Packages.Golang.SearchRemoteLicenses = false
	config.Packages.Golang.LocalModCacheDir = ""
	config.Packages.Golang.Proxies = nil
	config.Packages.Golang.NoProxy = nil
	config.Packages.JavaArchive.UseNetwork = false
	config.Packages.JavaArchive.UseMavenLocalRepository = false
	config.Packages.JavaArchive.MavenLocalRepositoryDir = ""
	config.Packages.JavaScript.SearchRemoteLicenses = false
	config.Packages.Python.SearchRemoteLicenses = false
	config.Packages.Cpp.VcpkgAllowGitClone = false

	// Digests and metadata of single files match nothing. Which package owns which
	// file is needed only where packages overlap, and that is found without listing
	// every file.
	config.Files = filecataloging.DefaultConfig().WithSelection(file.NoFilesSelection).WithHashers()
	config.Relationships.PackageFileOwnership = false
	return config
}
