// Package execs is the provider of kind exec: a program of the user's own answers, in one JSON object, what it was asked in one JSON
// object. It is for every store that tacit does not know.
//
//	exec: {command: [/usr/local/bin/my-store, --team, web], read_only: true}
//
// The protocol is that of docs/providers/exec.md, version 1. Secrets go over standard input and output only, never in an argument
// (I12); package program says what else the program gets.
//
// "Not found" is what the program says about a secret that it names, and nothing else (I19): that it ended badly, said nothing or
// something that is not of the protocol is another error, and stops the chain.
package execs
