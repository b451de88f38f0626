package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/gate/image"
	"github.com/imagegate/imagegate/gate/report"
	"github.com/imagegate/imagegate/policy"
)

func newPolicy(s *shared) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Write, show, check, test, explain and compare policies",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newPolicyInit(s), newPolicyShow(s), newPolicyValidate(s),
		newPolicyExplain(s), newPolicyTest(s), newPolicyDiff(s), newPolicySchema(s))
	return cmd
}

func newPolicyInit(s *shared) *cobra.Command {
	return &cobra.Command{
		Use:     "init",
		Short:   "Print a commented policy to start from",
		Example: "  imagegate policy init > policy.yaml",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.console.out.Write(policy.Init())
			return err
		},
	}
}

// showFlags are the values of show's flags: for which subject.
type showFlags struct {
	*shared
	image     string
	namespace string
}

func newPolicyShow(s *shared) *cobra.Command {
	f := &showFlags{shared: s}
	cmd := &cobra.Command{
		Use:   "show [FILE|FOLDER|PRESET]...",
		Short: "Print the effective policy: the document laid over what it extends",
		Long: `Print the effective policy: the document laid over what it extends, and, for an image
or a namespace, the overrides that match them laid over that.`,
		Example: `  imagegate policy show restricted
  imagegate policy show policy.yaml
  imagegate policy show base.yaml exceptions.yaml   # several files make one policy
  imagegate policy show policy.yaml --namespace kube-system --image registry.example.com/app`,
		ValidArgsFunction: completePolicyArgument,
		RunE:              func(_ *cobra.Command, args []string) error { return f.run(args) },
	}
	cmd.Flags().StringVar(&f.image, "image", "", "show the policy for this image: a reference, which is not looked up")
	cmd.Flags().StringVar(&f.namespace, "namespace", "", "show the policy for this namespace")
	return cmd
}

func (f *showFlags) run(names []string) error {
	if len(names) == 0 {
		names = []string{string(policy.BaseRestricted)}
	}
	p, _, err := readPolicies(names)
	if err != nil {
		return err
	}
	head := fmt.Sprintf("# %s, hash %s\n", p.Name(), p.Hash())
	if f.image+f.namespace != "" {
		var reference policy.Reference
		if f.image != "" {
			if reference, err = image.ParseReference(f.image); err != nil {
				return err
			}
		}
		all := p
		p = p.For(reference, f.namespace)
		var b strings.Builder
		writeOverrides(&b, all, p.Applied())
		for l := range strings.Lines(b.String()) {
			head += "# " + l
		}
	}
	text, err := p.YAML()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(f.console.out, report.Lines(head)+string(text))
	return err
}

func newPolicyValidate(s *shared) *cobra.Command {
	return &cobra.Command{
		Use:     "validate FILE|FOLDER...",
		Short:   "Check policies, and the files that they name; all mistakes at once",
		Example: "  imagegate policy validate policy.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(cmd.CommandPath()+" policy.yaml", "which policy? no file given")
			}
			return nil
		},
		ValidArgsFunction: completePolicyArgument,
		RunE: func(_ *cobra.Command, args []string) error {
			var failed []error
			for _, name := range args {
				p, err := (&policyFlags{policy: name}).load()
				if err != nil {
					failed = append(failed, err)
					continue
				}
				fmt.Fprintf(s.console.out, "%s: valid, %s, hash %s\n", name, p.Name(), p.Hash())
			}
			return errors.Join(failed...)
		},
	}
}

// completePolicyArgument makes the shell complete presets and files.
func completePolicyArgument(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return policy.PresetNames(), cobra.ShellCompDirectiveDefault
}
