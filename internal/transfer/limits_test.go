package transfer

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tacit/internal/fault"
)

// endless gives start, then again for ever, and counts.
type endless struct {
	start, again string
	read         int
	rest         string // of start
	begun        bool
}

func (e *endless) Read(p []byte) (int, error) {
	if !e.begun {
		e.begun, e.rest = true, e.start
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	for n < len(p) && e.rest == "" {
		n += copy(p[n:], e.again)
	}
	e.read += n
	return n, nil
}

// Seek goes back to the beginning, so that the env reader does not gather all in memory first.
func (e *endless) Seek(int64, int) (int64, error) {
	e.begun = false
	return 0, nil
}

// TestI08EndlessPipe: where gathering is needed, it has a bound.
func TestI08EndlessPipe(t *testing.T) {
	src := &endless{start: "A='", again: "x\n"}
	if _, _, err := readAll("env", stream{src}, Options{}); !errors.Is(err, fault.Invalid) || src.read > maxEnvInMemory+1<<20 {
		t.Errorf("%v after %d bytes", err, src.read)
	}
}

// TestI08EndlessInput: a file that never ends, in any of its parts, is refused after a few MiB.
func TestI08EndlessInput(t *testing.T) {
	for _, c := range []struct{ name, format, start, again string }{
		{"blanks", "json", "{", " "},
		{"lines", "json", "{", "\n"},
		{"name", "json", `{"`, "a"},
		{"value", "json", `{"a":"`, "a"},
		{"escapes", "json", `{"a":"`, `\n`},
		{"number", "json", `{"a":`, "1"},
		{"depth", "json", `{"a":`, "["},
		{"objects", "json", `{"a":`, `{"value":`},
		{"tags", "json", `{"a":{"tags":["x"`, `,"x"`},
		{"scopes", "json", `{"a":[`, `{"value":"x"},`},
		{"field", "json", `{"a":{"`, "x"},
		{"blanks", "yaml", "a: b", " "},
		{"lines", "yaml", "a: b", "\n"},
		{"comments", "yaml", "a: b\n", "# c\n"},
		{"name", "yaml", "a", "a"},
		{"plain", "yaml", "a: b", "b"},
		{"quoted", "yaml", "a: \"", "b"},
		{"block", "yaml", "a: |\n", "  b\n"},
		{"depth", "yaml", "a: ", "["},
		{"flow", "yaml", "{", "a: b, "},
		{"list", "yaml", "a:\n", "- b\n"},
		{"indented", "yaml", " a: b\n", " a: b\n"},
		{"fields", "yaml", "a:\n", "  b: c\n"},
		{"name", "env", "A", "a"},
		{"plain", "env", "A=", "a"},
		{"single", "env", "A='", "a"},
		{"double", "env", "A=\"", "\\n"},
		{"lines", "env", "A='", "\r\n"},
		{"blanks", "env", "A=", " "},
		{"blanks before", "env", "", " "},
		{"blanks after", "env", "A='x'", " "},
	} {
		t.Run(c.format+" "+c.name, func(t *testing.T) {
			src := &endless{start: c.start, again: c.again}
			_, _, err := readAll(c.format, src, Options{})
			if !errors.Is(err, fault.Invalid) || src.read > 4<<20 {
				t.Errorf("%v after %d bytes", err, src.read)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("a long error: %q", err)
			}
		})
	}
}

// TestI08HostileTime: files that are small but make careless parsers slow are read or refused at once.
func TestI08HostileTime(t *testing.T) {
	const n = 150_000
	for _, c := range []struct{ name, format, text string }{
		{"line ends in quotes", "env", "A='" + strings.Repeat("\r\n", n) + "'\r\n"},
		{"blanks in plain", "env", "A=x" + strings.Repeat(" #"[:1], n) + "\n"},
		{"duplicates", "env", strings.Repeat("A=1\n", n)},
		{"directives", "env", strings.Repeat("# tacit:x\n", n)},
		{"open brackets", "yaml", "a: " + strings.Repeat("[", n)},
		{"open braces", "yaml", "a: " + strings.Repeat("{", n)},
		{"question marks", "yaml", "a: [" + strings.Repeat("? ", n)},
		{"colons", "yaml", "a: [" + strings.Repeat("a: ", n/3)},
		{"flow keys", "yaml", "a: [" + strings.Repeat("a,", n)},
		{"comments", "yaml", "a: b\n" + strings.Repeat("#\n", n)},
		{"dashes", "yaml", "a:\n" + strings.Repeat("- ", n)},
		{"quotes", "yaml", "a: " + strings.Repeat("''", n) + "\n"},
		{"tag", "yaml", "a: !" + strings.Repeat("x", n) + "\n"},
		{"entries", "yaml", strings.Repeat("a: b\n", 2)},
		{"brackets", "json", `{"a":` + strings.Repeat("[", n)},
	} {
		t.Run(c.format+" "+c.name, func(t *testing.T) {
			usual := reading(t, c.format, honest(c.format, len(c.text)))
			start := time.Now()
			_, warnings, err := readAll(c.format, strings.NewReader(c.text), Options{})
			// Each takes well under a second, as the honest ones do; quadratic ones would take minutes. On a slow machine all are slow.
			if d := time.Since(start); d > 10*time.Second+100*usual {
				t.Errorf("took %v, a file as long without malice %v (%v)", d, usual, err)
			}
			if len(warnings) > maxWarnings+1 {
				t.Errorf("%d warnings", len(warnings))
			}
		})
	}
}

// honest is a file of about so many bytes in which nothing is unusual.
func honest(format string, size int) string {
	open, line, end := "", "", ""
	switch format {
	case "json":
		open, line, end = "{", "\"a%d\":\"b\",\n", `"end":"b"}`
	case "yaml":
		line = "a%d: b\n"
	case "env":
		line = "A%d=b\n"
	}
	var text strings.Builder
	text.WriteString(open)
	for i := 0; i == 0 || text.Len() < size; i++ {
		fmt.Fprintf(&text, line, i)
	}
	return text.String() + end
}

// reading is how long it takes to read a file.
func reading(t *testing.T, format, text string) time.Duration {
	t.Helper()
	start := time.Now()
	if _, _, err := readAll(format, strings.NewReader(text), Options{}); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// TestBigEntries: a value of 64 KiB in its longest spelling can be read; longer ones are for the vault to refuse.
func TestBigEntries(t *testing.T) {
	escaped := strings.Repeat(`\u0001`, 64<<10)
	for format, text := range map[string]string{
		"json": `{"a":"` + escaped + `"}`,
		"yaml": `a: "` + strings.Repeat(`\U00000001`, 64<<10) + "\"\n",
		"env":  `A="` + strings.Repeat(`\n`, 64<<10) + `"`,
	} {
		list, _, err := readAll(format, strings.NewReader(text), Options{})
		if err != nil || len(list) != 1 || list[0].Value.Len() != 64<<10 {
			t.Errorf("%s: %v", format, err)
		}
	}
	list, _, err := readAll("json", strings.NewReader(`{"a":"`+strings.Repeat("x", 65<<10)+`"}`), Options{})
	if err != nil || list[0].Value.Len() != 65<<10 {
		t.Errorf("a value of 65 KiB: %v", err)
	}
}

// TestConstantMemory reads more than it may keep: 12 MB of JSON; of YAML less, but in nodes.
func TestConstantMemory(t *testing.T) {
	value := strings.Repeat("v", 290)
	for format, line := range map[string]string{"json": "\"team/app-%d\":\"" + value + "\",\n", "yaml": "team/app-%d: \"" + value + "\"\n"} {
		t.Run(format, func(t *testing.T) {
			count := map[string]int{"json": 40_000, "yaml": 10_000}[format]
			r, w := io.Pipe()
			go func() {
				_, err := io.WriteString(w, map[string]string{"json": "{"}[format])
				for i := 0; i < count && err == nil; i++ {
					_, err = fmt.Fprintf(w, line, i)
				}
				if err == nil && format == "json" {
					_, err = io.WriteString(w, `"end":"x"}`)
				}
				w.CloseWithError(err)
			}()
			in, err := NewReader(format, r, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var most uint64
			n := 0
			for ; ; n++ {
				if _, err = in.Next(); err != nil {
					break
				}
				if n%10_000 == 0 {
					var m runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
			}
			if !errors.Is(err, io.EOF) || n < count {
				t.Fatalf("%d entries, %v", n, err)
			}
			if most > 6<<20+uint64(count)*30 { // the names' hashes grow, little as they are
				t.Errorf("%d MiB of live heap", most>>20)
			}
		})
	}
}

// TestFaultsOfTheFile: what goes wrong below is reported as it is, not as a mistake in the text.
func TestFaultsOfTheFile(t *testing.T) {
	broken := errors.New("the disk is gone")
	for format, text := range map[string]string{"json": `{"a":"x",`, "yaml": "a: x\n", "env": "A=x\n"} {
		_, _, err := readAll(format, io.MultiReader(strings.NewReader(text+strings.Repeat(" ", sniffed)), iotest.ErrReader(broken)), Options{})
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", format, err)
		}
		if _, _, err := readAll(format, iotest.ErrReader(broken), Options{}); !errors.Is(err, broken) {
			t.Errorf("%s at the beginning: %v", format, err)
		}
	}
	for format, text := range map[string]string{"json": `{"a":"x"}`, "yaml": "a: x\n", "env": "a=x\n"} { // any way of reading will do
		for _, r := range []io.Reader{iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text)), iotest.HalfReader(strings.NewReader(text))} {
			list, _, err := readAll("auto", r, Options{})
			if err != nil || len(list) != 1 || list[0].Name != "a" {
				t.Errorf("%s by %T: %v", format, r, err)
			}
		}
	}
}

// TestTooManyWarnings: they are counted when they are no longer kept.
func TestTooManyWarnings(t *testing.T) {
	_, warnings, err := readAll("env", strings.NewReader(strings.Repeat("A=\n", maxWarnings+10)), Options{})
	if err != nil || len(warnings) != maxWarnings+1 || !strings.HasPrefix(warnings[maxWarnings].Text, "10 more warnings") {
		t.Errorf("%d warnings, %v", len(warnings), err)
	}
}
