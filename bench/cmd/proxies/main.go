// Command proxies measures what lies between a client and an upstream, side by side.
//
//	proxies upstream [-certificate FILE]      the upstream, over plain HTTP and over TLS: prints both addresses, and serves until it is killed
//	proxies reverse UPSTREAM NAME: VALUE      httputil.ReverseProxy with a tuned transport, which adds a header: prints its address
//	proxies port                              prints a port of 127.0.0.1 that is free
//	proxies load [flags] TARGET…              requests a second, and how long they take, with each number of connections
//	proxies first [flags] TARGET…             how long the first of a stream of events takes
//	proxies short [flags] TARGET…             how long one request takes that has a connection of its own
//	proxies transfer [flags] TARGET           bytes up, then down, and the most memory that a process has meanwhile
//
// A target is NAME=URL, with "#NAME: VALUE" behind it for a header. In every round each target has its turn, so that whatever slows the
// machine slows all of them. The results go to standard output as JSON: times in microseconds, medians over the rounds.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

func main() {
	commands := map[string]func([]string) error{
		"upstream": upstream, "reverse": reverse, "port": port, "load": load, "first": first, "short": short, "transfer": transfer,
	}
	err := errors.New("usage: proxies upstream|reverse|port|load|first|short|transfer …")
	if len(os.Args) > 1 && commands[os.Args[1]] != nil {
		err = commands[os.Args[1]](os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxies:", err)
		os.Exit(1)
	}
}

func show(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }
