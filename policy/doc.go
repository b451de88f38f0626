// Package policy says what an image must be, and judges evidence by it.
//
// A policy is one YAML document. Parse decodes it strictly (an unknown field is
// an error with its line and the nearest known name, and all errors are reported
// at once), lays it over the preset it extends, refuses what is contradictory or
// unsafe, and returns a Policy, which is immutable from then on:
//
//	policy, err := policy.Parse("policy.yaml", data)
//	policy, err = policy.Resolve(read)               // key files become bytes
//	verdict := policy.Evaluate(evidence, policy.StageAdmission, now)
//
// # Laying one document over another
//
// `extends` names a preset: baseline, restricted, or nothing, the default. The
// document is decoded over it: a field that is set overrides, a list that is set
// replaces the whole list, exceptions are added. What a preset demands is
// switched off with `allow` (or false), `off`, `any`, `ignore` or an empty list,
// never by leaving it out.
//
// # Several documents
//
// ParseFiles joins documents into one policy. Signers, VEX, exceptions,
// attestations, rules and overrides add up; any other field that two documents set
// must be the same in both. Variables of the environment are text everywhere.
//
// # Overrides
//
// An override is laid over the policy for the images and namespaces that it
// matches. It sets single fields: what it leaves out is the policy's. Several may
// match; of two that set the same field the most specific wins (see For for what
// that is). Keys, identities and the trust root are the same for every subject:
// an override picks among the policy's signers by name. Whoever knows the
// namespace asks For before Evaluate.
//
// # Rules of the policy's own
//
// `rules` are conditions in CEL over the evidence (see CustomRule, and package
// expression for the functions). They are compiled and type-checked by Parse and
// limited in cost when they are asked, each of them and all of a policy together.
// Only a condition that is false fails: a fact that is missing, or an answer that
// costs too much, is undecided. `messageExpression` says what is wrong in the words of
// the facts.
//
// # Signers
//
// "Two of three must sign" means two parties. A policy with one key or identity under
// two names is refused, and an identity that two signers match counts as one.
//
// `attestations` demand in-toto statements of a type by named signers, with a
// condition over the predicate. One that qualifies is enough.
//
// # VEX
//
// OpenVEX and CSAF documents that the policy names, and attestations of such documents
// by signers that it names for that, turn a vulnerability into a pass where the
// latest statement about it says not_affected or fixed. See package vex for what
// a statement is about.
//
// # Judging
//
// Evaluate is a fixed, ordered list of rules (see Rules), one small function
// each. It is pure: no I/O, no clock, no globals, the same input gives the same
// verdict. It never mixes up its three answers:
//
//   - a rule fails when the facts are there and are bad: deny;
//   - a rule whose facts could not be had is undecided, whatever the policy's
//     enforcement is: warn demotes failures, not ignorance;
//   - only when every rule had its facts and none failed, allow.
//
// A rule that can only warn is undecided too when its facts are missing: ask for
// what you want to know, and leave out what you do not.
//
// # What it refuses to know
//
// Files, registries, engines, the time and the command line. A policy names key
// files; whoever has a file system hands Resolve a function that reads them.
// Text in the evidence comes from images and registries: messages carry it
// bounded and with control characters escaped, and whoever prints them into
// another format escapes for that format.
package policy
