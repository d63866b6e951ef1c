// Command gen turns the service files of package registry into Go: literals that the linker lays out, so that a program pays nothing
// for them at its start.
//
//	go generate ./internal/registry                       write builtin_*.go
//	go run ./internal/registry/gen -check FILE.yaml …     say what is wrong with files, each line as file:line: text
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "check the named files and write nothing")
	flag.Parse()
	var err error
	switch {
	case *check && flag.NArg() > 0:
		err = checkFiles(os.Stdout, flag.Args())
	case !*check && flag.NArg() == 1:
		err = write(os.Stdout, flag.Arg(0), ".")
	default:
		err = errors.New("usage: gen DIRECTORY, or gen -check FILE…")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// checkFiles prints the problems of the files, also those that they have with their neighbours.
func checkFiles(out io.Writer, files []string) error {
	var all []string
	for _, f := range files {
		beside, err := filepath.Glob(filepath.Join(filepath.Dir(f), "*.yaml"))
		if err != nil {
			return err
		}
		all = append(all, beside...)
	}
	set, err := read(append(all, files...))
	if err != nil {
		return err
	}
	bad := 0
	for _, p := range set.problems {
		if within(files, p.file) {
			bad++
			fmt.Fprintln(out, p)
		}
	}
	if bad > 0 {
		return fmt.Errorf("problems: %d", bad)
	}
	for _, s := range set.services {
		if within(files, set.fileOf[s.ID]) {
			fmt.Fprintf(out, "%s: ok, capabilities: %d\n", set.fileOf[s.ID], len(s.Capabilities))
		}
	}
	return nil
}

func within(files []string, file string) bool {
	for _, f := range files {
		if filepath.Clean(f) == file {
			return true
		}
	}
	return false
}

// write generates the Go files of all service files in dir into the directory to.
func write(out io.Writer, dir, to string) error {
	files, err := generate(dir)
	var bad problems
	if errors.As(err, &bad) {
		for _, p := range bad {
			fmt.Fprintln(out, p)
		}
		return fmt.Errorf("problems: %d", len(bad))
	}
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(to, generated))
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil { //nolint:gosec // source code, for everybody to read
			return err
		}
	}
	return nil
}
