package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/breakglass"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

func newBreakglass(s *shared) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "breakglass",
		Short: "Let a refused image run, by a signed word that expires: keygen, sign, verify",
		Long: `A break-glass token lets images run in a cluster that the gate refuses: those
digests, in that namespace, until then, by the word of somebody who answers for it.
A pod carries it in the annotation ` + breakglass.Annotation + `;
each use is logged, counted and in the cluster's audit log, with owner and reason.

"imagegate serve --breakglass-key" says whose tokens count. Keep the private key as
you keep one that signs releases: whoever has it can run anything.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBreakglassKeygen(s), newBreakglassSign(s), newBreakglassVerify(s))
	return cmd
}

func newBreakglassKeygen(s *shared) *cobra.Command {
	return &cobra.Command{
		Use:   "keygen [NAME]",
		Short: "Write a key pair: NAME.key, for the one who signs, and NAME.pub, for the gate",
		Example: `  imagegate breakglass keygen
  imagegate breakglass keygen oncall`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := "breakglass"
			if len(args) > 0 {
				name = args[0]
			}
			private, public, err := breakglass.GenerateKey()
			if err != nil {
				return err
			}
			if err := writeNew(name+".key", private, 0o600); err != nil {
				return err
			}
			if err := writeNew(name+".pub", public, 0o644); err != nil {
				return err
			}
			fmt.Fprintf(s.console.out, "wrote %s.key and %s.pub\n", name, name)
			return nil
		},
	}
}

// writeNew writes a file that must not be there yet: a key that is overwritten is
// gone.
func writeNew(path string, content []byte, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return usagef("give another name, or move the old one away", "writing a key: %w", err)
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// breakglassSign are the values of sign's flags.
type breakglassSign struct {
	*shared
	key      string
	digests  []string
	grant    breakglass.Grant
	lifetime time.Duration
	most     time.Duration
}

func newBreakglassSign(s *shared) *cobra.Command {
	f := &breakglassSign{shared: s}
	cmd := &cobra.Command{
		Use:   "sign",
		Short: "Print a token for digests in a namespace",
		Example: `  imagegate breakglass sign --key breakglass.key --for 2h --namespace shop \
    --digest registry.example.com/app@sha256:… --owner ana@example.com \
    --reason "INC-4711: checkout is down, fix follows" > token

  kubectl annotate --local -f pod.yaml -o yaml \
    ` + breakglass.Annotation + `="$(cat token)" | kubectl apply -f -`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return f.run() },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "private key `FILE` (imagegate breakglass keygen)")
	flags.StringArrayVar(&f.digests, "digest", nil, "`DIGEST` that may run, alone or with its reference before it (repeatable)")
	flags.StringVar(&f.grant.Namespace, "namespace", "", "namespace in which it may run")
	flags.StringVar(&f.grant.Owner, "owner", "", "who answers for it")
	flags.StringVar(&f.grant.Reason, "reason", "", "why, in a line")
	flags.StringVar(&f.grant.ID, "id", "", "how logs and audit records name it (default: made at random)")
	flags.DurationVar(&f.lifetime, "for", 4*time.Hour, "how long it lives from now on")
	flags.DurationVar(&f.most, "max-lifetime", breakglass.DefaultMaxLifetime, "the longest that the gate accepts: serve --breakglass-max-lifetime")
	return cmd
}

func (f *breakglassSign) run() error {
	if f.key == "" {
		return usagef("imagegate breakglass keygen", "which key? no --key given")
	}
	text, err := os.ReadFile(f.key)
	if err != nil {
		return usagef("imagegate breakglass keygen", "reading the key: %w", err)
	}
	key, err := breakglass.ParseSigningKey(text)
	if err != nil {
		return &usageError{err: err, hint: remedy(err)}
	}
	if f.grant.ID == "" {
		f.grant.ID = rand.Text()
	}
	for _, digest := range f.digests {
		f.grant.Digests = append(f.grant.Digests, digest[strings.LastIndex(digest, "@")+1:])
	}
	f.grant.Issued = time.Now()
	f.grant.Expires = f.grant.Issued.Add(f.lifetime)
	token, err := key.Sign(f.grant, f.most)
	if err != nil {
		return usagef("imagegate breakglass sign --help", "%w", err)
	}
	if !f.quiet {
		fmt.Fprintf(f.console.err, "%s in %s until %s\n", f.grant.ID, f.grant.Namespace, f.grant.Expires.UTC().Format(time.RFC3339))
	}
	_, err = fmt.Fprintln(f.console.out, token)
	return err
}

// breakglassVerify are the values of verify's flags.
type breakglassVerify struct {
	*shared
	keys      []string
	digest    string
	namespace string
	json      bool
	most      time.Duration
}

func newBreakglassVerify(s *shared) *cobra.Command {
	f := &breakglassVerify{shared: s}
	cmd := &cobra.Command{
		Use:   "verify FILE|-",
		Short: "Say what a token permits, or why it permits nothing",
		Long: `Verify a token as the gate does, and print what it permits. With --digest and
--namespace it has to permit that.

exit codes: 0 it permits · 1 it does not · 2 usage or configuration`,
		Example: `  imagegate breakglass verify --key breakglass.pub token
  kubectl get pod app -o json | jq -r '.metadata.annotations["` + breakglass.Annotation + `"]' |
    imagegate breakglass verify --key breakglass.pub -`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd.CommandPath()+" --key breakglass.pub token", "one file with a token, or - for standard input, but got %d arguments", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return f.run(args[0]) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.keys, "key", nil, "public key `FILE` whose tokens count (repeatable)")
	flags.StringVar(&f.digest, "digest", "", "demand that it permits this `DIGEST`, alone or with its reference before it")
	flags.StringVar(&f.namespace, "namespace", "", "the namespace of --digest")
	flags.BoolVar(&f.json, "json", false, "print it as JSON")
	flags.DurationVar(&f.most, "max-lifetime", breakglass.DefaultMaxLifetime, "the longest that a token may live")
	return cmd
}

func (f *breakglassVerify) run(from string) error {
	if (f.digest == "") != (f.namespace == "") {
		return usagef("--digest sha256:… --namespace shop", "--digest and --namespace go together")
	}
	verifier, err := newBreakglassVerifier(f.keys, f.most)
	if err != nil {
		return err
	}
	token, err := f.read(from)
	if err != nil {
		return usagef("", "reading the token: %w", err)
	}
	grant, err := verifier.Verify(token, time.Now())
	if err == nil && f.digest != "" {
		err = grant.Permits(f.namespace, f.digest[strings.LastIndex(f.digest, "@")+1:])
	}
	if err != nil {
		return verdictError{decision: policy.Deny, undone: err.Error() + "; " + remedy(err)}
	}
	return f.print(grant)
}

func (f *breakglassVerify) read(from string) (string, error) {
	const most = 1 << 20 // more is no token; the verifier says what is too much for one
	source := f.console.in
	if from != "-" {
		file, err := os.Open(from)
		if err != nil {
			return "", err
		}
		defer func() { _ = file.Close() }()
		source = file
	}
	text, err := io.ReadAll(io.LimitReader(source, most))
	return string(text), err
}

func (f *breakglassVerify) print(g breakglass.Grant) error {
	if f.json {
		return json.NewEncoder(f.console.out).Encode(map[string]any{
			"id": g.ID, "digests": g.Digests, "namespace": g.Namespace, "owner": g.Owner, "reason": g.Reason,
			"issued": g.Issued.UTC(), "expires": g.Expires.UTC(), "key": g.Key,
		})
	}
	_, err := fmt.Fprint(f.console.out, report.Lines(fmt.Sprintf(
		"id         %s\ndigests    %s\nnamespace  %s\nowner      %s\nreason     %s\nissued     %s\nexpires    %s\nkey        %s\n",
		g.ID, strings.Join(g.Digests, "\n           "), g.Namespace, g.Owner, g.Reason,
		g.Issued.UTC().Format(time.RFC3339), g.Expires.UTC().Format(time.RFC3339), g.Key)))
	return err
}

// newBreakglassVerifier reads the keys whose tokens count.
func newBreakglassVerifier(paths []string, most time.Duration) (*breakglass.Verifier, error) {
	var keys []breakglass.PublicKey
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, usagef("imagegate breakglass keygen", "reading a key: %w", err)
		}
		key, err := breakglass.ParsePublicKey(text)
		if err != nil {
			return nil, usagef(remedy(err), "%s: %w", path, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, usagef("--key breakglass.pub", "whose tokens count? no key given")
	}
	verifier, err := breakglass.NewVerifier(keys, breakglass.WithMaxLifetime(most))
	if err != nil {
		return nil, usagef(remedy(err), "%w", err)
	}
	return verifier, nil
}
