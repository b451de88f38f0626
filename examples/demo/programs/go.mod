// The programs that go into the demo's images. A module of its own, because one
// of them needs an old version of a library on purpose.
module example.com/demo

go 1.26.0

require golang.org/x/text v0.3.7

require (
	github.com/muesli/cancelreader v0.2.2 // indirect
	golang.org/x/sync v0.8.0 // indirect
	golang.org/x/sys v0.26.0 // indirect
	golang.org/x/term v0.25.0 // indirect
	mvdan.cc/sh/v3 v3.10.0 // indirect
)

tool mvdan.cc/sh/v3/cmd/gosh
