package dotenv

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tacit/internal/fault"
)

// Package transfer tests the dialect against whole files and other readers. Here is where entries begin and end, which is what a file is
// changed by.
func TestLinesOfEntries(t *testing.T) {
	t.Parallel()
	type entry struct {
		Name, Value     string
		First, At, Line int
	}
	text := strings.Join([]string{
		"# a comment", "", "A=1 # x", "# tacit:name=b.c", "# between", "", `export B_C="two`, `lines"`, "# tacit:base64", "# tacit:name=d", "D=eA==", "E='x'", "F=last",
	}, "\n")
	s := New(strings.NewReader("\ufeff" + text))
	s.SkipMark()
	var got []entry
	for {
		err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.CopyValue()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry{s.Name(), string(v), s.First, s.At, s.Line})
	}
	want := []entry{
		{"A", "1", 3, 3, 4},
		{"b.c", "two\nlines", 4, 7, 9},
		{"d", "x", 9, 11, 12},
		{"E", "x", 12, 12, 13},
		{"F", "last", 13, 13, 13}, // its line has no end
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Whatever the text: entries follow each other, errors name a line and quote nothing.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{"", "A=1", "A='x\r\ny'\r\n", "# tacit:name=x\nA=\"\\$x\"", "export A = b # c\n", "A='", "\x00", "# tacit:base64\nA=?\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := New(bytes.NewReader(text))
		after := 1
		for {
			err := s.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				if !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "line ") {
					t.Errorf("%q", err)
				}
				return
			}
			if s.First < after || s.At < s.First || s.Line < s.At || len(s.Value) > MaxEntry {
				t.Fatalf("an entry from line %d at %d to %d after %d", s.First, s.At, s.Line, after)
			}
			after = s.Line
		}
	})
}
