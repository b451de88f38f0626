package main

import (
	"net/http"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/scan/blobs"
	"github.com/imagegate/imagegate/gate/scan/pace"
)

// paceFlags are what is asked of one registry at most.
type paceFlags struct {
	connections int
	requests    float64
	bandwidth   string
	layers      string
}

func (f *paceFlags) register(flags *pflag.FlagSet) {
	flags.IntVar(&f.connections, "max-connections", 8, "answers of one registry that are read at once")
	flags.Float64Var(&f.requests, "max-requests", 50, "requests to one registry a second")
	flags.StringVar(&f.bandwidth, "max-bandwidth", "", "bytes from one registry a second (20MiB); default no limit")
	flags.StringVar(&f.layers, "layer-cache", "4GiB", "keep so much of the layers that images share, in the cache folder, so that each is pulled once; 0 keeps none")
}

// transport keeps to the limits, whoever asks, and pulls what images share once.
func (f *paceFlags) transport(s *shared) (http.RoundTripper, error) {
	if f.connections < 1 || f.requests <= 0 {
		return nil, usagef("--max-connections 8 --max-requests 50", "a registry that may not be asked cannot be scanned")
	}
	limits := pace.Limits{Connections: f.connections, Requests: f.requests}
	if f.bandwidth != "" {
		bytes, err := humanize.ParseBytes(f.bandwidth)
		if err != nil || bytes == 0 || bytes > 1<<40 {
			return nil, usagef("--max-bandwidth 20MiB", "--max-bandwidth %s is no size", f.bandwidth)
		}
		limits.Bytes = float64(bytes)
	}
	paced := pace.New(image.NewTransport(), limits)
	kept, err := humanize.ParseBytes(f.layers)
	if err != nil || kept > 1<<50 {
		return nil, usagef("--layer-cache 4GiB", "--layer-cache %s is no size", f.layers)
	}
	if kept == 0 {
		return paced, nil
	}
	return blobs.New(paced, filepath.Join(s.cacheDir, "layers"), int64(kept))
}
