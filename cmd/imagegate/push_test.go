package main

import (
	"strconv"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imagegate/imagegate/gate/gatetest"
)

// writeLayout writes what a build leaves on disk; of the index, one as BuildKit
// makes it, with an attestation manifest.
func writeLayout(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	path, err := layout.Write(ts.MkAbs(args[1]), empty.Index)
	ts.Check(err)
	if args[0] == "index" {
		ts.Check(path.AppendIndex(gatetest.WithAttestationManifest(w.t, indexImage(w.t), namedImage(w.t, "good"))))
		return
	}
	ts.Check(path.AppendImage(namedImage(w.t, args[0])))
}

func writeArchive(ts *testscript.TestScript, _ bool, args []string) {
	tag, err := name.NewTag("app:1")
	ts.Check(err)
	ts.Check(tarball.WriteToFile(ts.MkAbs(args[1]), tag, namedImage(of(ts).t, args[0])))
}

func movesTag(ts *testscript.TestScript, _ bool, args []string) {
	w := of(ts)
	w.registry.Break("/blobs/", gatetest.Times(1, gatetest.Then(func() {
		w.registry.Push(args[0], namedImage(w.t, args[1]))
	})))
}

func breakOnce(ts *testscript.TestScript, _ bool, args []string) {
	status, err := strconv.Atoi(args[2])
	ts.Check(err)
	of(ts).registry.Break(args[1], gatetest.For(args[0], gatetest.Times(1, gatetest.Status(status))))
}

func writes(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := of(ts).registry.Writes(); len(got) != want {
		ts.Fatalf("%d changes, not %d: %v", len(got), want, got)
	}
}
