package cli

// The rules of printing. This is the only file that writes to standard output and standard error.
//
//   - Standard output carries data and nothing else: `tacit get X | cmd` never sees a notice.
//     Notices, warnings, progress and errors go to standard error; prompts go to the terminal (terminal.go).
//   - --json prints one object. Every field is there; an absent list is [], never null; times are in UTC.
//     On a terminal it is indented, else it is one line.
//   - Without --json a table or a card is made for eyes. Bold and colour appear only on a terminal, and never when NO_COLOR
//     is set or TERM is dumb. There is no output whose meaning is in its colour.
//   - Whatever comes from outside (names, notes, paths, error texts) is printed through visible, which escapes control
//     characters: a name cannot move the cursor, change the title or hide a line.
//   - An error is one line, `tacit: what failed: why`, and where there is one a second, `  → what to do`; with --json one
//     JSON line. Neither holds a secret, a passphrase or a stack trace.
//   - -q silences notices. It does not silence warnings (what could cost the user a secret) or errors.
//   - Standard output is buffered and written before the program ends; a failure to write is a failure of the command.

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"

	"tacit/client"
	"tacit/internal/fault"
)

type output struct {
	stdout *bufio.Writer
	stderr io.Writer

	asJSON      bool
	quiet       bool
	toTerminal  bool // standard output is a terminal
	errTerminal bool // standard error is
	color       bool // standard output may carry colour
	bar         bool // a progress bar stands on the last line of standard error
}

func newOutput(stdout, stderr io.Writer, getenv func(string) string) *output {
	o := &output{stdout: bufio.NewWriter(stdout), stderr: stderr, toTerminal: isTerminal(stdout), errTerminal: isTerminal(stderr)}
	o.color = o.toTerminal && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	return o
}

// isTerminal reports whether a stream of World is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (o *output) flush() error { return o.stdout.Flush() }

// Bytes writes data exactly as it is.
func (o *output) Bytes(b []byte) { _, _ = o.stdout.Write(b) } // bufio keeps the first error for flush

// errBytes writes data exactly as it is to standard error, for the rare reader of data who reads it there.
func (o *output) errBytes(b []byte) { _, _ = o.stderr.Write(b) }

// Line writes a line of data. Arguments that come from outside must have been through [visible].
func (o *output) Line(format string, args ...any) { fmt.Fprintf(o.stdout, format+"\n", args...) }

// JSON writes v, one of the shapes of package client, as one object.
func (o *output) JSON(v any) error {
	b, err := encodeJSON(v, o.toTerminal)
	if err != nil {
		return fault.Wrap(fault.Failed, err, "write JSON")
	}
	o.Bytes(b)
	return nil
}

// Table writes rows under a header. Every cell is escaped here.
func (o *output) Table(header []string, rows [][]string) {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 8, 2, ' ', tabwriter.DiscardEmptyColumns)
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			if i > 0 {
				_, _ = io.WriteString(t, "\t")
			}
			_, _ = io.WriteString(t, visible(cell))
		}
		_, _ = io.WriteString(t, "\n")
	}
	_ = t.Flush()
	head, body, _ := strings.Cut(text.String(), "\n")
	o.Line("%s", o.bold(strings.TrimRight(head, " ")))
	for line := range strings.Lines(body) {
		o.Line("%s", strings.TrimRight(line, " \n"))
	}
}

// Card writes names and values, one pair a line, values aligned. Pairs with an empty value are left out.
func (o *output) Card(pairs ...[2]string) {
	width := 0
	for _, p := range pairs {
		if p[1] != "" {
			width = max(width, len(p[0]))
		}
	}
	for _, p := range pairs {
		if p[1] != "" {
			o.Line("%s%s  %s", o.bold(p[0]), strings.Repeat(" ", width-len(p[0])), visible(p[1]))
		}
	}
}

func (o *output) bold(s string) string { return o.style("1", s) }

// style wraps s in the SGR sequence of a code when colour may be used.
func (o *output) style(code, s string) string {
	if !o.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Notice says something worth knowing on standard error; -q silences it.
func (o *output) Notice(format string, args ...any) {
	if !o.quiet {
		o.say("tacit: " + fmt.Sprintf(format, args...))
	}
}

// Warning says on standard error what could cost the user a secret; nothing silences it.
func (o *output) Warning(format string, args ...any) {
	o.say("tacit: warning: " + fmt.Sprintf(format, args...))
}

// say writes one line to standard error, clear of a progress bar.
func (o *output) say(line string) {
	_ = o.flush() // what was printed before stays before
	if o.bar {
		_, _ = io.WriteString(o.stderr, "\r\x1b[K")
		o.bar = false
	}
	_, _ = io.WriteString(o.stderr, visible(line)+"\n")
}

// failure prints err and returns the exit status of the program.
func (o *output) failure(err error) int {
	var status exitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	code := fault.CodeOf(err)
	var e *fault.Error
	if !errors.As(err, &e) {
		e = &fault.Error{}
	}
	if o.asJSON {
		p := client.Problem{Error: client.ProblemDetail{
			Code: string(code), Exit: code.Exit(), Origin: cmp.Or(e.Origin, "tacit"), Message: err.Error(), Fix: optional(e.Fix), Object: optional(e.Object),
		}}
		if b, err := encodeJSON(p, false); err == nil {
			_, _ = o.stderr.Write(b)
		}
		return code.Exit()
	}
	o.say("tacit: " + err.Error())
	if e.Fix != "" {
		o.say("  → " + e.Fix)
	}
	return code.Exit()
}

// optional is nil for an empty string: JSON's null.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// encodeJSON returns v as JSON and a newline: without HTML escapes, with [] for absent lists and times in UTC.
func encodeJSON(v any, indent bool) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if indent {
		enc.SetIndent("", "  ")
	}
	err := enc.Encode(complete(v))
	return []byte(b.String()), err
}

// visible returns s with everything that a terminal would act on, or that would break the line, as an escape: \n, \x1b, \u202e.
func visible(s string) string {
	plain := true
	for _, r := range s {
		plain = plain && r != unicode.ReplacementChar && unicode.IsPrint(r)
	}
	if plain {
		return s
	}
	var b strings.Builder
	for s != "" {
		r := []rune(s[:min(len(s), 4)])[0]
		size := len(string(r))
		if r == unicode.ReplacementChar && !strings.HasPrefix(s, string(r)) {
			fmt.Fprintf(&b, `\x%02x`, s[0])
			size = 1
		} else if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		s = s[size:]
	}
	return b.String()
}
