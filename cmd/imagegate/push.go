package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/signature"
)

// pushFlags are the values of push's flags: those of check, and what happens
// after it.
type pushFlags struct {
	checkFlags
	signKey    string
	digestFile string
	unjudged   bool
	time       time.Duration
}

func newPush(s *shared) *cobra.Command {
	f := &pushFlags{checkFlags: checkFlags{shared: s}}
	cmd := &cobra.Command{
		Use:   "push SRC DST",
		Short: "Judge an image, then push exactly what was judged, or nothing",
		Long: `Judge SRC as "imagegate check" does, with the same flags and the same report, and
push it to the tag DST if it is allowed. What is pushed is the digest that was
judged with all that it covers, each byte verified; a tag that moves meanwhile
changes nothing. The tag DST is written last and read back, so that a push that
breaks leaves it as it was. Pushing again sends only what is missing.

--sign-key signs the pushed digest as "cosign sign --key" does, beside the
signatures that are there, and uploads nothing to a transparency log: verify with
--insecure-ignore-tlog. An encrypted key is opened with COSIGN_PASSWORD.

exit codes: 0 allowed and pushed · 1 denied · 2 usage or configuration · 3 could not
be judged, or not be pushed`,
		Example: `  # what a build left on disk
  imagegate push oci:build/image registry.example.com/app:1.4 --policy policy.yaml

  # from one registry into another, signed there
  imagegate push staging.example.com/app:1.4 registry.example.com/app:1.4 \
    --key staging.pub --sign-key cosign.key

  # for the next step of a pipeline
  imagegate push docker-daemon:app:1.4 registry.example.com/app:1.4 \
    --policy policy.yaml -o json=report.json --digest-file digest.txt`,
		Args: sourceAndDestination,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args[0], args[1]) },
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.signKey, "sign-key", "", "sign what was pushed with this private key FILE (cosign.key, or PEM)")
	flags.StringVar(&f.digestFile, "digest-file", "", "write the digest of what was pushed to this FILE, without a newline")
	flags.DurationVar(&f.time, "push-timeout", time.Hour, "time for the push, after the check")
	flags.BoolVar(&f.unjudged, "insecure-push-unjudged-platforms", false, "push an index even if the policy judges only some of its platforms")
	return cmd
}

func sourceAndDestination(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		return usagef(cmd.CommandPath()+" oci:build/image registry.example.com/app:1.4", "one source and one destination are needed, but got %d", len(args))
	}
	return nil
}

// run finds mistakes first, judges, and pushes only what is allowed.
func (f *pushFlags) run(ctx context.Context, from, to string) error {
	destination, err := image.ParseDestination(to)
	if err != nil {
		return err
	}
	key, err := openKey(f.signKey)
	if err != nil {
		return err
	}
	results, err := f.judge(ctx, []string{from})
	if err != nil {
		return notPushed(err)
	}
	ctx, cancel := context.WithTimeout(ctx, f.time)
	defer cancel()
	if err := f.demandAll(ctx, results[0]); err != nil {
		return notPushed(err)
	}
	return f.push(ctx, results[0].Subject, destination, key)
}

// notPushed says so, whatever the reason is.
func notPushed(err error) error {
	var verdict verdictError
	if errors.As(err, &verdict) {
		verdict.undone = "not pushed: the verdict is " + string(verdict.decision)
		return verdict
	}
	return fmt.Errorf("not pushed: %w", err)
}

// demandAll refuses an index of which the policy judged only a part: its digest
// covers the rest too, and a node would run it.
func (f *pushFlags) demandAll(ctx context.Context, result gate.Result) error {
	if result.Subject == nil {
		return usagef("", "what was judged is not at hand")
	}
	platforms, err := result.Subject.Platforms(ctx)
	if err != nil || f.unjudged {
		return err
	}
	judged := map[string]bool{}
	for _, p := range result.Platforms {
		judged[p.Name+"@"+p.Digest] = true
	}
	var others []string
	for _, p := range platforms {
		if !judged[p.Name()+"@"+p.Digest()] {
			others = append(others, p.Name())
		}
	}
	if len(others) == 0 {
		return nil
	}
	return usagef("judge all platforms, push one image by its digest, or say --insecure-push-unjudged-platforms",
		"the index also has platforms that were not judged: %s", strings.Join(others, ", "))
}

// push pushes what was judged, signs it where asked to, and says under which digest
// it is to be had.
func (f *pushFlags) push(ctx context.Context, judged gate.Subject, to image.Destination, key *signature.SigningKey) error {
	show := f.newDisplay()
	defer f.closeDisplay(show)
	show.begin(to.String(), "pushing", 0)
	images, err := image.New(
		image.WithUserAgent("imagegate/"+toolVersion()),
		image.WithInsecureRegistries(f.images.insecureRegistries...),
		image.WithProgress(show.pushed),
	)
	if err != nil {
		return err
	}
	pushed, err := images.Push(ctx, judged, to)
	if err != nil {
		return err
	}
	how := "pushed"
	if pushed.Already {
		how = "already there"
	}
	f.progressf("%s: %s", how, pushed.Reference)
	if key != nil {
		if err := f.sign(ctx, images, pushed, to, key); err != nil {
			return fmt.Errorf("pushed, but not signed: %w", err)
		}
	}
	if f.digestFile == "" {
		return nil
	}
	return writeFile(f.digestFile, []byte(pushed.Digest))
}

// sign adds a signature to those at the destination, unless the key has one there.
func (f *pushFlags) sign(ctx context.Context, images *image.Images, pushed image.Pushed, to image.Destination, key *signature.SigningKey) error {
	there, err := images.Resolve(ctx, pushed.Reference)
	if err != nil {
		return err
	}
	attachments, err := there.Attachments(ctx, pushed.Digest)
	for _, a := range attachments {
		if key.Signed(ctx, a, pushed.Digest) {
			f.progressf("already signed: %s", pushed.Reference)
			return nil
		}
	}
	if err != nil {
		return err // the key's signature may be where nobody could look
	}
	made, err := key.Sign(to.Repository(), pushed.Digest)
	if err != nil {
		return err
	}
	if err := images.AttachSignature(ctx, to, made); err != nil {
		return err
	}
	f.progressf("signed: %s, in no transparency log", pushed.Reference)
	return nil
}

// openKey reads the key to sign with; nil where none is asked for.
func openKey(path string) (*signature.SigningKey, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("--sign-key names a private key, as cosign writes cosign.key", "reading the signing key: %w", err)
	}
	key, err := signature.OpenKey(data, func() ([]byte, error) {
		if password, ok := os.LookupEnv("COSIGN_PASSWORD"); ok {
			return []byte(password), nil
		}
		return nil, errors.New("COSIGN_PASSWORD is not set")
	})
	if err != nil {
		return nil, &usageError{err: err, hint: remedy(err)}
	}
	return key, nil
}
