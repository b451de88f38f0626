package main

import (
	"github.com/spf13/cobra"

	"github.com/imagegate/imagegate/policy"
)

func newPolicySchema(s *shared) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a policy, for editors",
		Long: `Print the JSON Schema of a policy. Editors complete and check with it: write it to
a file, and begin a policy with
  # yaml-language-server: $schema=imagegate.schema.json
What fields mean together only "imagegate policy validate" checks.`,
		Example: "  imagegate policy schema > imagegate.schema.json",
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.console.out.Write(policy.Schema())
			return err
		},
	}
}
