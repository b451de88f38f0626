package main

import (
	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/policy"
)

// strangerFlags say what references in reviews can reach: anybody who may create a
// pod writes them, and we read them with our credentials from where we are.
type strangerFlags struct {
	registries []string
	private    []string
}

func (f *strangerFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.registries, "allow-registry", nil, "ask only registries that match this PATTERN (registry.example.com/team/**); repeatable (default: all)")
	flags.StringArrayVar(&f.private, "allow-private", nil, "HOST[:PORT], address or network (10.1.0.0/16) inside that images may be read from; repeatable (default: none)")
}

// option bounds what Images reads.
func (f *strangerFlags) option() image.Option {
	rules := image.Strangers{Private: f.private}
	for _, pattern := range f.registries {
		rules.Registries = append(rules.Registries, policy.RegistryGlob(pattern))
	}
	return image.WithStrangers(rules)
}
