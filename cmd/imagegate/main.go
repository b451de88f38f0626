// Command imagegate judges container images: may this image run?
//
// It translates flags into values, calls one function of the library and
// translates the answer into output and an exit code. There is one file a verb;
// wire.go alone joins engines to the gate, exit.go owns exit codes and what is
// said to the user. The voice: lower case, no full stop, what is wrong first and
// then a hint with the next thing to type.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/imagegate/imagegate/cmd/imagegate/collector" // has to be initialised before the engines
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return execute(ctx, os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr})
}

// console is where a command reads and writes. The verdict goes to out, progress
// and complaints to err.
type console struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, c console) int {
	root := newRoot(c)
	root.SetArgs(args)
	return exitCode(c.err, root.ExecuteContext(ctx))
}
