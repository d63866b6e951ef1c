package program

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/mask"
	"tacit/internal/provider"
)

const (
	maxStderr = 16 << 10 // of what it says on standard error, the first
	maxDetail = 300      // of that, shown
	// grace is how long a pipe may stay open after the program ended: something that it started may have inherited it.
	grace = time.Second
)

// A Program is one that can be run any number of times, also at once.
type Program struct {
	Provider string // whose program it is, for errors
	Argv     []string
	Dir      string // where it runs; empty: where we are
	World    provider.World
	// MaxOutput bounds what it may print, in bytes.
	MaxOutput int
}

// A Result is how the program ended by itself.
type Result struct {
	Stdout []byte
	Stderr []byte // its beginning, as it is: see [Detail]
	Exit   int    // its status; -1: a signal ended it
}

// Run runs the program with more arguments, none of which may be a secret, and returns what it said. Errors are of class
// fault.Unavailable: it does not start, takes too long, or says too much. That it ended with a status that is not 0 is no error here.
func (p *Program) Run(ctx context.Context, stdin []byte, args ...string) (Result, error) {
	if err := provider.Ended(ctx, p.Provider); err != nil {
		return Result{}, err
	}
	env := []string{}
	if p.World.ChildEnvironment != nil {
		var err error
		if env, err = p.World.ChildEnvironment(ctx); err != nil {
			return Result{}, fault.Wrap(fault.Unavailable, err, "%s: what a program may see is not known", p.Provider).From(provider.Origin)
		}
	}
	path, err := find(p.Argv[0], env)
	if err != nil {
		return Result{}, p.fails(err)
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stdout := &bounded{max: p.MaxOutput, over: func() { cancel(errTooMuch) }}
	stderr := &bounded{max: maxStderr, over: func() {}}
	c := exec.CommandContext(ctx, path)
	c.Args = append(append([]string{p.Argv[0]}, p.Argv[1:]...), args...)
	c.Dir, c.Env, c.Stdin, c.Stdout, c.Stderr = p.Dir, env, bytes.NewReader(stdin), stdout, stderr
	c.WaitDelay = grace
	alone(c)
	p.World.Debug("run a program", "provider", p.Provider, "program", p.Argv[0])
	err = c.Run()
	if errors.Is(context.Cause(ctx), errTooMuch) {
		return Result{}, provider.Errorf(fault.Unavailable, p.Provider, "%s printed more than %d bytes", p.shown(), p.MaxOutput).
			WithFix("see what it prints when run by hand")
	}
	if ended := provider.Ended(ctx, p.Provider); ended != nil {
		return Result{}, ended
	}
	result := Result{Stdout: stdout.kept.Bytes(), Stderr: stderr.kept.Bytes()}
	var status *exec.ExitError
	switch {
	case errors.As(err, &status):
		result.Exit = status.ExitCode()
	case err != nil && !isBrokenPipe(err): // that it did not read all of its input is its own affair
		return Result{}, p.fails(err)
	}
	return result, nil
}

// errTooMuch is why a program was ended that printed without end.
var errTooMuch = errors.New("too much output")

func (p *Program) fails(err error) error {
	if errors.Is(err, exec.ErrWaitDelay) {
		return provider.Errorf(fault.Unavailable, p.Provider, "%s ended, and something that it started keeps its output open", p.shown()).
			WithFix("have it close what it gives to programs in the background")
	}
	e := provider.Errorf(fault.Unavailable, p.Provider, "%s does not run: %v", p.shown(), cause(err)).WithFix("see whether it runs by hand")
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		e.Fix = "install it, or mend the provider's settings"
	}
	return e
}

// Failed returns the error for a program that ended with a status that is not 0, whatever it printed. The values are those that it
// could have repeated.
func (p *Program) Failed(r Result, values ...[]byte) *fault.Error {
	how := "ended with status " + strconv.Itoa(r.Exit)
	if r.Exit < 0 {
		how = "was ended by a signal"
	}
	if detail := Detail(r.Stderr, values...); detail != "" {
		how += ": " + detail
	}
	return provider.Errorf(fault.Unavailable, p.Provider, "%s %s", p.shown(), how).WithFix("see what it says when run by hand")
}

// shown is the program as errors name it: its file, without its place and arguments.
func (p *Program) shown() string { return Detail([]byte(filepath.Base(p.Argv[0]))) }

func cause(err error) error {
	var path *os.PathError
	var start *exec.Error
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &start):
		return start.Err
	}
	return err
}

// find looks a program up as the program itself would: in the PATH of its environment, and never in the working directory.
func find(name string, env []string) (string, error) {
	if strings.ContainsAny(name, `/\`) {
		return exec.LookPath(name)
	}
	for _, e := range env {
		variable, list, _ := strings.Cut(e, "=")
		if variable != "PATH" && (runtime.GOOS != "windows" || !strings.EqualFold(variable, "PATH")) {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			if !filepath.IsAbs(dir) {
				continue
			}
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, nil
			}
		}
	}
	return "", exec.ErrNotFound
}

// Detail makes a foreign text fit to be shown: one line, bounded, without control characters and without the values, in any form in
// which they could be in it. Values of less than 4 bytes cannot be told from other text, and stay.
func Detail(text []byte, values ...[]byte) string {
	const shortest = 4
	if len(values) > 0 {
		var out bytes.Buffer
		w := mask.NewWriter(&out, mask.Compile(shortest, values...), mask.Replacement)
		_, _ = w.Write(text)
		_ = w.Close()
		text = out.Bytes()
	}
	var line strings.Builder
	for _, r := range strings.Join(strings.Fields(string(text)), " ") {
		if line.Len() >= maxDetail {
			line.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError:
			line.WriteRune('\uFFFD')
		case strconv.IsPrint(r):
			line.WriteRune(r)
		default:
			line.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return line.String()
}

// bounded keeps the first max bytes, and says when there are more. The buffer is no embedded one: its ReadFrom would know no bound.
type bounded struct {
	kept bytes.Buffer
	max  int
	over func()
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.max - b.kept.Len()
	b.kept.Write(p[:min(len(p), room)])
	if len(p) > room {
		b.over()
	}
	return len(p), nil
}
