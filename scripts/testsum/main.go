// Command testsum reads what `go test -json` prints and says what a person wants to know of it: a line for each package as go test
// itself prints it, the output of what failed, why something was skipped, and how many tests passed.
//
//	go test -json ./... | testsum -log run.json      one run; what was read is kept in run.json
//	testsum -total run.json other.json               the sum of several runs of the same tests
//
// A test that one run skips and another runs counts as run: the long tests run as shipped, not under the race detector too.
// It fails when a test failed or none passed and, with TACIT_NO_SKIP=1, when -total finds a test that no run ran.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	log := flag.String("log", "", "keep what was read in this `file`")
	total := flag.Bool("total", false, "sum up the runs in the files given")
	flag.Parse()

	var ok bool
	var err error
	if *total {
		ok, err = sumFiles(os.Stdout, flag.Args(), os.Getenv("TACIT_NO_SKIP") == "1")
	} else {
		ok, err = follow(os.Stdout, os.Stdin, *log)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// follow prints one run as it comes and reports whether all of it passed.
func follow(w io.Writer, r io.Reader, log string) (ok bool, err error) {
	if log != "" {
		f, err := os.Create(log)
		if err != nil {
			return false, err
		}
		defer func() {
			if cerr := f.Close(); err == nil && cerr != nil {
				ok, err = false, cerr
			}
		}()
		r = io.TeeReader(r, f)
	}
	run := newRun(w)
	if err := run.read(r); err != nil {
		return false, err
	}
	t := run.tally()
	fmt.Fprintf(w, "%s in this run\n", t)
	return t.ok(false), nil
}

// sumFiles prints the sum of the runs in files, and reports whether it is good.
func sumFiles(w io.Writer, files []string, noSkip bool) (bool, error) {
	var t tally
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return false, err
		}
		run := newRun(io.Discard)
		err = run.read(f)
		_ = f.Close() // it was only read
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		t.add(run.tally())
	}
	for _, name := range t.skipped() {
		fmt.Fprintf(w, "skipped: %s: %s\n", name, t.skips[name])
	}
	fmt.Fprintln(w, t)
	return t.ok(noSkip), nil
}
