package ageplugin

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func reader(s string) *bufio.Reader { return bufio.NewReaderSize(strings.NewReader(s), maxLine) }

func TestStanzaRoundTrip(t *testing.T) {
	for n := range 200 {
		in := stanza{"kind", []string{"a", "b-1"}, bytes.Repeat([]byte{7}, n)}
		var b bytes.Buffer
		if err := in.write(&b); err != nil {
			t.Fatal(err)
		}
		out, err := readStanza(reader(b.String()))
		if err != nil || out.kind != in.kind || !slices.Equal(out.args, in.args) || !bytes.Equal(out.body, in.body) {
			t.Fatalf("%d bytes: %+v, %v", n, out, err)
		}
	}
	for _, bad := range []string{"", "a b", "a\nb", "é"} {
		if err := (stanza{"kind", []string{bad}, nil}).write(io.Discard); err == nil {
			t.Errorf("wrote the argument %q", bad)
		}
	}
}

func TestMalformedStanzas(t *testing.T) {
	full := strings.Repeat("A", columns) + "\n"
	for text, want := range map[string]error{
		"": io.ErrUnexpectedEOF, "-> x": io.ErrUnexpectedEOF, "-> x\n": io.ErrUnexpectedEOF, "-> x\n" + full: io.ErrUnexpectedEOF,
		"x\n\n": errMalformed, "->\n\n": errMalformed, "-> x\nA\n": errMalformed, "-> x\nAB==\n": errMalformed, "-> x\n" + strings.Repeat("A", 68) + "\n\n": errMalformed,
		"-> " + strings.Repeat("x", maxLine) + "\n\n":                    errMalformed,
		"-> x\n" + strings.Repeat(full, maxBody/bytesPerLine+2) + "\n\n": errMalformed,
	} {
		if _, err := readStanza(reader(text)); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", text, err, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		" touch\nthe key\x1b[31m\u009b1m ": "touch the key [31m 1m", strings.Repeat("é", 400): strings.Repeat("é", 250) + "…", "\xff": "\uFFFD",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func FuzzStanza(f *testing.F) {
	for _, s := range []string{"-> file-key 0\nAAAAAAAAAAAAAAAAAAAAAA\n", "-> done\n\n", "-> msg\n\n-> x", "->  x\n\n", "-> x\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := readStanza(bufio.NewReaderSize(bytes.NewReader(in), maxLine))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := s.write(&b); err == nil && !bytes.HasPrefix(in, b.Bytes()) {
			t.Errorf("%q was read, and is written as %q", in, b.Bytes())
		}
	})
}
