package main

import (
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/breakglass"
)

// glassFlags say whose tokens open the gate.
type glassFlags struct {
	keys []string
	most time.Duration
}

func (f *glassFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.keys, "breakglass-key", nil, "public key `FILE` whose break-glass tokens count (imagegate breakglass); repeatable (default: none do)")
	flags.DurationVar(&f.most, "breakglass-max-lifetime", breakglass.DefaultMaxLifetime, "the longest that a break-glass token may live")
}

// glass verifies by the keys as their files say, and changes with them: a key that is
// taken away opens nothing from then on.
type glass struct {
	flags   *glassFlags
	current atomic.Pointer[breakglass.Verifier]
}

// load reads the keys; nil where there are none.
func (f *glassFlags) load() (*glass, error) {
	if len(f.keys) == 0 {
		return nil, nil
	}
	g := &glass{flags: f}
	return g, g.reload()
}

func (g *glass) reload() error {
	verifier, err := newBreakglassVerifier(g.flags.keys, g.flags.most)
	if err == nil {
		g.current.Store(verifier)
	}
	return err
}

// Verify implements admission.BreakGlass.
func (g *glass) Verify(token string, now time.Time) (breakglass.Grant, error) {
	return g.current.Load().Verify(token, now)
}
