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
	deepen(false)
	os.Exit(cli.Main(context.Background(), cli.World{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(),
		Now: time.Now, Random: rand.Reader, Version: version,
	}))
}

// stackRoom is more than the stack that a command needs, in bytes.
const stackRoom = 40 << 10

// deepen makes the stack of the goroutine that calls it large enough for a command while there is nothing on it: a stack that doubles
// under a command again and again is walked and copied each time, which is a twelfth of the time that reading a secret takes (P1).
// The frame does it; nothing is ever written into it.
//
//go:noinline
func deepen(fill bool) byte {
	if !fill {
		return 0
	}
	var room [stackRoom]byte
	touch(&room)
	return room[0]
}

//go:noinline
func touch(room *[stackRoom]byte) { clear(room[:]) }
