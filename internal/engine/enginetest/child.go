package enginetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// jobVariable carries the job of a child process; its arguments are the process's.
const jobVariable = "TACIT_ENGINETEST_JOB"

// Job is what a child process does. What it writes to out the parent reads line by line.
type Job func(ctx context.Context, out io.Writer, args []string) error

// Main runs the tests, or, in a process that [Child] started, its job, and returns the exit status. TestMain calls it.
// jobs may add to those of the suite.
func Main(m *testing.M, target Target, jobs map[string]Job) int {
	name := os.Getenv(jobVariable)
	if name == "" {
		return m.Run()
	}
	all := map[string]Job{"history": target.historyJob, "increment": target.incrementJob, "swap": target.swapJob}
	for k, j := range jobs {
		all[k] = j
	}
	job := all[name]
	if job == nil {
		fmt.Fprintf(os.Stderr, "no job %q\n", name)
		return 2
	}
	if err := job(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Child returns the command that runs a job in another process.
func Child(job string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), jobVariable+"="+job, "GOMAXPROCS=1", "GOCOVERDIR="+os.TempDir())
	c.Stderr = os.Stderr
	return c
}

// Lines starts c and calls fn with each line that it prints, until it prints no more; then it waits for its end.
func Lines(c *exec.Cmd, fn func(string)) error {
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil { // a line that was cut by death is not a line
			break
		}
		fn(strings.TrimSuffix(line, "\n"))
	}
	return c.Wait()
}

// historyJob goes on with a history until it is killed or has done as many steps as its last argument says:
// ADDRESS SEED REPLACE-EVERY STEPS.
func (target Target) historyJob(ctx context.Context, out io.Writer, args []string) error {
	h, steps, err := parseHistory(args[1:])
	if err != nil {
		return err
	}
	e, err := target.Open(args[0], func(p string) { fmt.Fprintln(out, "phase", p) })
	if err != nil {
		return err
	}
	defer e.Close()
	fmt.Fprintln(out, "ready")
	for range steps {
		n, err := h.Step(ctx, e)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "acknowledged", n)
	}
	return nil
}

func parseHistory(args []string) (History, int, error) {
	seed, err1 := strconv.ParseUint(args[0], 10, 64)
	every, err2 := strconv.Atoi(args[1])
	steps, err3 := strconv.Atoi(args[2])
	return History{Seed: seed, ReplaceEvery: every}, steps, errors.Join(err1, err2, err3)
}

// incrementJob adds to a counter: ADDRESS NAME TIMES.
func (target Target) incrementJob(ctx context.Context, out io.Writer, args []string) error {
	times, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	e, err := target.Open(args[0], func(string) {})
	if err != nil {
		return err
	}
	defer e.Close()
	for i := range times {
		if err := increment(ctx, e, "n", args[1]+"-"+strconv.Itoa(i)); err != nil {
			return fmt.Errorf("write %d: %w", i, err)
		}
		fmt.Fprintln(out, "acknowledged", i)
	}
	return nil
}

// swapJob replaces the storage by its own content again and again: ADDRESS TIMES.
func (target Target) swapJob(ctx context.Context, out io.Writer, args []string) error {
	times, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	e, err := target.Open(args[0], func(string) {})
	if err != nil {
		return err
	}
	defer e.Close()
	for range times {
		w, err := e.Begin(ctx)
		if err != nil {
			return err
		}
		err = w.Replace(func(put func(k, v []byte) error) error { return w.Scan(nil, nil, put) })
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
		fmt.Fprintln(out, "replaced")
		time.Sleep(20 * time.Millisecond) // between two restores others write
	}
	return nil
}
