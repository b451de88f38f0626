// Package e2e shows the admission backend at work: a real kube-apiserver, built
// from its sources, asks a real imagegate about images in a real registry, and
// kubectl says what a user would see. `make e2e` runs it and prints a table of
// all cases (out/e2e.txt); README.md beside this folder tells what they mean for a
// cluster.
//
//	e2e_test.go           the story: which cases, in which order
//	cases_*_test.go       the cases, one file a subject
//	cluster_test.go       etcd, kube-apiserver and kubectl
//	gate_test.go          imagegate serve, and what it is told
//	registry_test.go      the images
//	build_test.go         the programs: controlplane/ is a module of its own
//
// The tests have the build tag e2e, so that `make test` does not take ten minutes
// to compile Kubernetes. They need nothing but Go: nothing is skipped.
package e2e
