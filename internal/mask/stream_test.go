package mask

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
)

const apiKey = "key-test-0123456789abcdefghij"

// I28: an event is not held back by the one after it, and neither is anything else that no secret begins with.
func TestI28OnlyABeginningIsHeldBack(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := NewWriter(&out, Compile(8, []byte(apiKey)), Replacement)
	for _, c := range []struct{ write, seen string }{
		{"data: one\n\n", "data: one\n\n"},
		{"data: k", "data: "},
		{"e", ""},
		{"y-ring\n\n", "key-ring\n\n"},
		{"key-test-", ""},
		{"0123456789abcdefghi", ""},
		{"x", "key-test-0123456789abcdefghix"},
		{apiKey, "***"}, // at once: whatever comes, these bytes are hidden
		{apiKey, ""},    // and so are these, in the same run
		{".key", "."},
	} {
		out.Reset()
		if n, err := io.WriteString(w, c.write); n != len(c.write) || err != nil {
			t.Fatal(n, err)
		}
		if out.String() != c.seen {
			t.Errorf("after %q came %q, not %q", c.write, out.String(), c.seen)
		}
	}
	out.Reset()
	if err := w.Close(); err != nil || out.String() != "key" {
		t.Errorf("at the end came %q, %v", out.String(), err)
	}
	if w.Replaced() != 1 {
		t.Errorf("%d replaced", w.Replaced())
	}
	// The next stream has nothing to do with this one.
	if out.Reset(); w.Close() != nil || out.Len() != 0 {
		t.Errorf("a second Close wrote %q", out.String())
	}
	_, _ = io.WriteString(w, "-test-0123456789abcdefghij"+apiKey)
	if out.String() != "-test-0123456789abcdefghij***" {
		t.Errorf("in a new stream %q", out.String())
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("some text, then "+apiKey+" and more. ", 5000) + apiKey[:20]
	want := strings.Repeat("some text, then *** and more. ", 5000) + apiKey[:20]
	p := Compile(8, []byte(apiKey))
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"as it is":       func(r io.Reader) io.Reader { return r },
		"a byte a time":  iotest.OneByteReader,
		"half a time":    iotest.HalfReader,
		"data and error": iotest.DataErrReader,
	} {
		r := NewReader(wrap(strings.NewReader(text)), p, Replacement)
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want || r.Replaced() != 5000 {
			t.Errorf("%s: %d bytes, %d replaced, %v", name, len(got), r.Replaced(), err)
		}
		if err := iotest.TestReader(NewReader(wrap(strings.NewReader(text)), p, Replacement), []byte(want)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("broken")
	got, err := io.ReadAll(NewReader(io.MultiReader(strings.NewReader("a "+apiKey+" k"), iotest.ErrReader(broken)), p, "[]"))
	if string(got) != "a [] k" || !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := NewReader(nothing{}, p, "").Read(make([]byte, 1)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

func TestWriterKeepsItsError(t *testing.T) {
	t.Parallel()
	r, pw := io.Pipe()
	r.Close()
	w := NewWriter(pw, Compile(8, []byte(apiKey)), Replacement)
	for range 2 {
		if n, err := io.WriteString(w, "text"); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%d, %v", n, err)
		}
	}
	if err := w.Close(); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// The replacement is output: it is not looked at again, and an empty one cannot join what stands around a secret to another.
func TestTheReplacementIsNotScanned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		replacement, text, want string
		values                  []string
	}{
		{"***", "a ****, b", "a ***, b", []string{"****"}},
		{"secret-one", "x secret-two x", "x secret-one x", []string{"secret-one", "secret-two"}},
		{"", "pass" + apiKey + "word", "pass***word", []string{apiKey, "password"}},
	} {
		var values [][]byte
		for _, v := range c.values {
			values = append(values, []byte(v))
		}
		s := Compile(4, values...).NewScanner(c.replacement)
		if got := string(s.End(s.Append(nil, []byte(c.text)))); got != c.want {
			t.Errorf("%q became %q, not %q", c.text, got, c.want)
		}
	}
}

// I14, I28: secrets that are made to confuse.
func TestI28AwkwardSecrets(t *testing.T) {
	t.Parallel()
	key := pem.EncodeToMemory(&pem.Block{Type: "TEST KEY", Bytes: bytes.Repeat(allBytes(), 4)})
	for _, c := range []struct {
		name, text, want string
		values           []string
	}{
		{"one inside the other", "x abcdefgh y cdef z", "x *** y *** z", []string{"abcdefgh", "cdef"}},
		{"the same beginning", "abcdefgh abcdefg abcdXXXX", "*** ***g ***XXXX", []string{"abcd", "abcdef", "abcdefgh"}},
		{"the same end", "abcdefgh xefgh", "*** x***", []string{"abcdefgh", "efgh"}},
		{"overlapping", "abcdefghij", "***", []string{"abcdef", "efghij"}},
		{"overlapping itself", "abababababab", "***b", []string{"ababa"}},
		{"HTML", "<script>k='a</script>b\"'</script>", "<script>k='***'</script>", []string{`a</script>b"`}},
		{"no UTF-8", "x\xff\xfe\xfd\xfcy", "x***y", []string{"\xff\xfe\xfd\xfc"}},
		{"zeros", "\x00\x00\x00\x00\x00\x01", "***\x01", []string{"\x00\x00\x00\x00"}},
		{"every byte", "<" + string(allBytes()) + ">", "<***>", []string{string(allBytes())}},
		{"PEM", "key: " + string(key) + "end", "key: ***end", []string{string(key)}},
		{"PEM, indented", "  " + strings.ReplaceAll(strings.TrimSpace(string(key)), "\n", "\n  "), "  ***" + strings.Repeat("\n  ***", bytes.Count(key, []byte("\n"))-1), []string{string(key)}},
		{"PEM in JSON", `"` + strings.ReplaceAll(string(key), "\n", `\n`) + `"`, `"***"`, []string{string(key)}},
		{"PEM from a terminal", strings.ReplaceAll(string(key), "\n", "\r\n"), "***", []string{string(key)}},
	} {
		if got := masked(c.text, 4, c.values...); got != c.want {
			t.Errorf("%s: %q became %q, not %q", c.name, c.text, got, c.want)
		}
	}
}

// A secret as long as one may be: every form is found across all chunk borders, and the memory of the patterns is as documented.
func TestI28LongestSecret(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat(allBytes(), 256) // 64 KiB
	p := Compile(8, secret)
	for i, f := range Forms(secret, 8) {
		if len(f) < len(secret) {
			continue // a line
		}
		s := p.NewScanner(Replacement)
		var out []byte
		text := append(append([]byte("<"), f...), '>')
		for len(text) > 0 {
			n := min(len(text), 10007)
			out = s.Append(out, text[:n])
			text = text[n:]
		}
		if out = s.End(out); string(out) != "<***>" {
			t.Errorf("form %d, %.20q…, became %d bytes, %.20q…", i, f, len(out), out)
		}
	}
}

// P12: memory does not grow with the stream, and nothing is allocated on the way.
func TestNoAllocations(t *testing.T) {
	p := Compile(8, []byte(apiKey), []byte("another-secret"))
	w := NewWriter(io.Discard, p, Replacement)
	chunk := []byte(strings.Repeat("text, "+apiKey+" and another-secre, ", 1000))
	if n := testing.AllocsPerRun(100, func() { _, _ = w.Write(chunk) }); n != 0 {
		t.Errorf("%v allocations a write", n)
	}
	if size := cap(w.scanner.text) + cap(w.out); size > 5*block {
		t.Errorf("the buffers have grown to %d bytes", size)
	}
}

func TestPatternsAreNotPrinted(t *testing.T) {
	t.Parallel()
	p := Compile(8, []byte(apiKey))
	s := p.NewScanner(Replacement)
	s.Append(nil, []byte(apiKey[:20]))
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "patterns", p, "scanner", s)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb, p, s)
	}
	if strings.Contains(out.String(), "107") || strings.Contains(out.String(), "key-t") || strings.Contains(out.String(), "6b65792d") {
		t.Errorf("printed: %s", out.String())
	}
}
