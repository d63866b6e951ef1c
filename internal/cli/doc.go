// Package cli is the command line: it parses what was typed, asks package keeper and prints the answer. It holds no rule about
// secrets of its own.
//
// [Main] is one run of the program. Everything it touches comes in through [World], so a test can run it without a process.
// A file is one command or one family of them; what they share:
//
//	commands.go  the list of commands; only the one that was typed is built
//	app.go       one run: its flags, the caller, the notices
//	open.go      the vault, opened when a command first needs it
//	output.go    the only file that prints, with the rules of printing
//	failure.go   errors: one line, one way out, one exit status
//	terminal.go  prompts, on the terminal and never on stdin
//	help.go      help in the groups of docs/cli.md
//
// Commands return errors of package fault. A command that has already said what is wrong returns an [exitStatus].
package cli
