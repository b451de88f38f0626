package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate"
)

// version is set by the linker.
var version = ""

// tool names this program in reports.
func tool() gate.Tool {
	return gate.Tool{Name: "imagegate", Version: toolVersion()}
}

func toolVersion() string {
	if version != "" {
		return version
	}
	if info := buildInfo(); info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// buildInfo is what the program was built from. Reading it takes a millisecond or two,
// since there are hundreds of modules.
var buildInfo = sync.OnceValue(func() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return &debug.BuildInfo{}
})

func newVersion(s *shared) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of imagegate and of its engines",
		Example: "  imagegate version",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(s.console.out, "imagegate %s %s/%s %s\n", toolVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			for _, m := range buildInfo().Deps {
				switch m.Path {
				case "github.com/anchore/grype", "github.com/anchore/syft", "github.com/sigstore/cosign/v2", "github.com/google/go-containerregistry":
					fmt.Fprintf(s.console.out, "  %s %s\n", m.Path, m.Version)
				}
			}
			return nil
		},
	}
}
