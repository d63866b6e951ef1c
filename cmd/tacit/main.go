// Command tacit keeps secrets, and gives them to programs that never have to show them.
package main

import (
	"context"
	"crypto/rand"
	"os"
	"runtime/debug"
	"time"

	"tacit/internal/cli"
)

// version is set by the release build.
var version = "0.1.0-dev"

func main() {
	// A command lives for milliseconds: collecting rarely is faster, and a listing of a million secrets stays small all the same.
	debug.SetGCPercent(400)
	os.Exit(cli.Main(context.Background(), cli.World{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Now: time.Now, Random: rand.Reader, Version: version,
	}))
}
