package policy_test

import (
	"fmt"
	"time"

	"github.com/imagegate/imagegate/policy"
)

// A policy judges evidence: plain data that somebody else collected.
func Example() {
	p, err := policy.Parse("policy.yaml", []byte(`
apiVersion: imagegate.dev/v1
kind: Policy
metadata: {name: no-shells}
content: {shells: deny}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	evidence := policy.Evidence{
		SchemaVersion: policy.EvidenceVersion,
		Digest:        digestOf("a"),
		Platforms: []policy.Platform{{
			Name: "linux/amd64", Digest: digestOf("a"),
			Content: []policy.Content{{Class: policy.ClassShell, Path: "/bin/sh", Via: "link", Name: "busybox"}},
			Steps:   done(policy.StepConfig, policy.StepFiles),
		}},
		Steps: done(policy.StepResolve),
	}
	verdict := p.Evaluate(evidence, policy.StageScan, time.Now())
	fmt.Println(verdict.Decision)
	for _, f := range verdict.Decisive() {
		fmt.Println(f.Platform, f.Rule, f.Message)
	}

	// What nobody read is not clean.
	evidence.Platforms[0].Content = nil
	delete(evidence.Platforms[0].Steps, policy.StepFiles)
	verdict = p.Evaluate(evidence, policy.StageScan, time.Now())
	fmt.Println(verdict.Decision)
	// Output:
	// deny
	// linux/amd64 content.shells 1 shell: /bin/sh (busybox, by link)
	// undecided
}

// Every problem is reported at once, with its place and the nearest known name.
func ExampleParse() {
	_, err := policy.Parse("policy.yaml", []byte(`apiVersion: imagegate.dev/v1
kind: Policy
metadata: {name: example}
extends: restricte
content: {shell: deny}
vulnerabilities: {deny: {cvss: 70}}
`))
	fmt.Println(err)
	// Output:
	// policy.yaml:4:10: extends: unknown preset "restricte": did you mean "restricted"?
	// policy.yaml:5:11: content: unknown field "shell": did you mean "shells"?
	// policy.yaml:6:32: vulnerabilities.deny.cvss: 70.0 is out of range: CVSS goes from 0 to 10
}

// The ids are stable: reports, exceptions and suppressions name them.
func ExampleRules() {
	for _, r := range policy.Rules() {
		fmt.Printf("%-24s %s\n", r.ID, r.Title)
	}
	// Output:
	// resolve                  The reference means one digest, and its platforms are known
	// reference.registry       The image comes from a registry that is allowed
	// reference.tag            The tag is not one that moves
	// reference.digest         The image is named by digest, or what its tag means is signed
	// signature                Enough of the named signers have signed this digest
	// config.nonRoot           The image does not run as root
	// config.nonRootGroup      The image does not run with the root group
	// config.numericUser       The user is a number
	// config.entrypoint        The image's user can start its entry point
	// config.size              The image is not too large
	// config.labels            The image has the required labels
	// config.baseImage         The image is built on a base image that is allowed
	// config.ports             The image exposes no port that is denied
	// content.shells           The image holds no shell
	// content.interpreters     The image holds no interpreter
	// content.debugTools       The image holds no debugging tool
	// content.packageManagers  The image holds no package manager
	// content.setuid           No file is setuid or setgid or has capabilities
	// content.secrets          The image holds no secret
	// sbom.complete            The bill of materials names everything
	// vulnerabilities.database The vulnerability database is there and fresh
	// vulnerabilities          No vulnerability meets the criteria of the policy
	// exceptions               Exceptions are in force
}
