// Command tacit keeps secrets, and gives them to programs that never have to show them.
package main

import (
	"context"
	"crypto/rand"
	"os"
	"time"

	"tacit/internal/cli"
)

// version is set by the release build.
var version = "0.1.0-dev"

func main() {
	os.Exit(cli.Main(context.Background(), cli.World{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Now: time.Now, Random: rand.Reader, Version: version,
	}))
}
