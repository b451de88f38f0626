package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/policy"
)

// imageFlags say how images are reached, and whether what they hold is remembered.
type imageFlags struct {
	insecureRegistries []string
	memory             memoryFlags
	content            contentMemory
	transport          http.RoundTripper // nil: the usual
}

func (f *imageFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.insecureRegistries, "insecure-registry", nil, "plain HTTP to this HOST[:PORT] too, not only to loopback; repeatable")
	f.memory.register(flags)
	f.content = filetree.DefaultMemory
	flags.Var(&f.content, "content-memory", "keep so much of an image's files in memory, more in one temporary file")
}

// policyFlags say by which policy, and add to it. The signer flags mean what they
// mean in cosign.
type policyFlags struct {
	policy         string   // one name, where no flag is read
	policies       []string // --policy
	platforms      []string
	keys           []string
	identity       string
	identityRegExp string
	issuer         string
	issuerRegExp   string
	trustedRoot    string
	ignoreTlog     bool
	skipSignatures bool
	// used is told which files the policy is made of; nil: nobody wants to know.
	used func(path string)
}

func (f *policyFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.policies, "policy", "p", []string{string(policy.BaseRestricted)}, "policy FILE or FOLDER, or the preset baseline or restricted; several files make one policy")
	flags.StringArrayVar(&f.platforms, "platform", nil, "judge only this platform (linux/amd64); repeatable (default: the policy's)")
	flags.StringArrayVar(&f.keys, "key", nil, "public key FILE whose signature counts; repeatable")
	flags.StringVar(&f.identity, "certificate-identity", "", "identity in the signing certificate that counts (keyless)")
	flags.StringVar(&f.identityRegExp, "certificate-identity-regexp", "", "like --certificate-identity, as an anchored regular expression")
	flags.StringVar(&f.issuer, "certificate-oidc-issuer", "", "issuer of that identity")
	flags.StringVar(&f.issuerRegExp, "certificate-oidc-issuer-regexp", "", "like --certificate-oidc-issuer, as an anchored regular expression")
	flags.StringVar(&f.trustedRoot, "trusted-root", "", "trusted_root.json of a private Sigstore (default: the public-good instance)")
	flags.BoolVar(&f.ignoreTlog, "insecure-ignore-tlog", false, "accept signatures that are in no transparency log")
	flags.BoolVar(&f.skipSignatures, "insecure-skip-signatures", false, "do not ask for signatures at all")
}

// load reads the policy and everything that it names, and lays the flags over it.
func (f *policyFlags) load() (*policy.Policy, error) {
	names := f.policies
	if len(names) == 0 {
		names = []string{f.policy}
	}
	p, dir, err := readPolicies(names)
	if err != nil {
		return nil, err
	}
	adjustment, err := f.adjustment()
	if err != nil {
		return nil, err
	}
	if p, err = p.Adjust(adjustment); err != nil {
		return nil, usagef("imagegate check --help", "%w", err)
	}
	// Files are named relative to the policy, or to the working directory by flags.
	p, err = p.Resolve(readNear(dir, f.used))
	if err != nil {
		return nil, &usageError{err: err, hint: remedy(err)}
	}
	return p, nil
}

// readNear reads files by names that are relative to a folder, and tells which.
func readNear(dir string, used func(path string)) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if used != nil {
			used(name)
		}
		return os.ReadFile(name)
	}
}

// adjustment is what the flags say over the policy.
func (f *policyFlags) adjustment() (policy.Adjustment, error) {
	a := policy.Adjustment{Platforms: f.platforms, OptionalLog: f.ignoreTlog, SkipSignatures: f.skipSignatures}
	for _, path := range f.keys {
		data, err := os.ReadFile(path)
		if err != nil {
			return a, usagef("--key names a PEM file with a public key, as cosign writes cosign.pub", "reading the key: %w", err)
		}
		if err := policy.CheckPublicKey(data); err != nil {
			return a, usagef("--key names a PEM file with a public key, as cosign writes cosign.pub", "the key %s %w", path, err)
		}
		a.Signers = append(a.Signers, policy.Signer{Name: filepath.Base(path), Key: &policy.Key{Data: string(data)}})
	}
	keyless, err := f.keyless()
	if err != nil {
		return a, err
	}
	if keyless != nil {
		a.Signers = append(a.Signers, policy.Signer{Name: "keyless", Keyless: keyless})
	}
	if f.trustedRoot != "" {
		data, err := os.ReadFile(f.trustedRoot)
		if err != nil {
			return a, usagef("", "reading the trusted root: %w", err)
		}
		a.TrustRoot = &policy.TrustRoot{Data: string(data)}
	}
	return a, nil
}

// keyless is the identity of the flags, or nil if they name none. One half alone
// would let anybody in.
func (f *policyFlags) keyless() (*policy.Keyless, error) {
	identity, issuer := f.identity+f.identityRegExp != "", f.issuer+f.issuerRegExp != ""
	switch {
	case !identity && !issuer:
		return nil, nil
	case !identity:
		return nil, usagef("add --certificate-identity", "an issuer alone accepts everybody it knows")
	case !issuer:
		return nil, usagef("add --certificate-oidc-issuer", "an identity counts only from a named issuer")
	case f.identity != "" && f.identityRegExp != "", f.issuer != "" && f.issuerRegExp != "":
		return nil, usagef("give one of the two", "an identity or issuer is given both as a text and as an expression")
	}
	return &policy.Keyless{
		Subject: f.identity, SubjectRegExp: f.identityRegExp,
		Issuer: f.issuer, IssuerRegExp: f.issuerRegExp,
	}, nil
}

// completeRules makes the shell complete --rule with the rules of the policy that is
// named so far, or of every policy where that one cannot be read.
func completeRules(cmd *cobra.Command, f *policyFlags) {
	err := cmd.RegisterFlagCompletionFunc("rule", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		p, _, err := readPolicies(slices.Compact(slices.Sorted(slices.Values(f.policies)))) // cobra reads flags twice here
		if err != nil {
			p = policy.Nothing()
		}
		return ruleIDs(p), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(fmt.Sprintf("flag rule is not registered: %v", err))
	}
}

func ruleIDs(p *policy.Policy) []string {
	var ids []string
	for _, r := range p.EveryRule() {
		ids = append(ids, r.ID)
	}
	return ids
}

// completePolicies makes the shell complete --policy with presets and files.
func completePolicies(cmd *cobra.Command) {
	err := cmd.RegisterFlagCompletionFunc("policy", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return policy.PresetNames(), cobra.ShellCompDirectiveDefault
	})
	if err != nil {
		panic(fmt.Sprintf("flag policy is not registered: %v", err))
	}
}
