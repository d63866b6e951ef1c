package jsonstream

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tacit/internal/fault"
)

// walk reads any value into what encoding/json would make of it.
func walk(d *Reader) (any, error) {
	switch d.Peek() {
	case '{':
		m := map[string]any{}
		if err := d.Open('{', "x"); err != nil {
			return nil, err
		}
		for {
			more, err := d.More()
			if err != nil || !more {
				return m, err
			}
			k, err := d.Field()
			if err != nil {
				return nil, err
			}
			if m[k], err = walk(d); err != nil {
				return nil, err
			}
		}
	case '[':
		l := []any{}
		if err := d.Open('[', "x"); err != nil {
			return nil, err
		}
		for {
			more, err := d.More()
			if err != nil || !more {
				return l, err
			}
			v, err := walk(d)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
	case 'n':
		_, err := d.Null()
		return nil, err
	case '0', 't', 'f':
		s, err := d.Literal()
		return json.Number(s), err
	}
	b, err := d.Bytes("x")
	return string(b), err
}

// oracle reads the document with encoding/json, numbers and booleans as they are written.
func oracle(doc []byte) (any, error) {
	dec := json.NewDecoder(strings.NewReader(string(doc)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows")
	}
	return literals(v), nil
}

func literals(v any) any {
	switch v := v.(type) {
	case bool:
		return json.Number(map[bool]string{true: "true", false: "false"}[v])
	case []any:
		for i := range v {
			v[i] = literals(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = literals(v[k])
		}
	}
	return v
}

// FuzzReader: what is accepted means what encoding/json says, and what encoding/json takes without repairing it is accepted.
func FuzzReader(f *testing.F) {
	for _, s := range []string{`{"a":[1,"b",null,true,{"c":-1.5e3}]}`, `"\u00e9\ud83d\ude00\n"`, `"\ud800"`, "\"\xff\"", `[}`, ` 1 `, `{"a":1,"a":2}`, `[1] x`, ``, `01`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, r := range []io.Reader{strings.NewReader(string(doc)), iotest.OneByteReader(strings.NewReader(string(doc)))} {
			d := NewReader(r, fault.Invalid)
			got, err := walk(d)
			if err == nil {
				err = d.End()
			}
			want, oracleErr := oracle(doc)
			switch {
			case err == nil && (oracleErr != nil || !reflect.DeepEqual(got, want)):
				t.Fatalf("%q is %#v, but encoding/json says %#v, %v", doc, got, want, oracleErr)
			case err != nil && fault.CodeOf(err) != fault.Invalid:
				t.Fatalf("%q: %v is of class %s", doc, err, fault.CodeOf(err))
			case err != nil && oracleErr == nil && !strings.Contains(string(doc), `\u`) && strings.ToValidUTF8(string(doc), "") == string(doc) && len(doc) < 10_000:
				t.Fatalf("%q is refused: %v", doc, err)
			}
		}
	})
}

func TestErrors(t *testing.T) {
	read := func(s string, f func(*Reader) error) error {
		d := NewReader(strings.NewReader(s), fault.Corrupted)
		if err := f(d); err != nil {
			return err
		}
		return d.End()
	}
	object := func(d *Reader) error { _, err := walk(d); return err }
	number := func(d *Reader) error { _, err := d.Int("count"); return err }
	text := func(d *Reader) error { _, err := d.Text("name"); return err }
	for _, c := range []struct {
		in   string
		f    func(*Reader) error
		want string
	}{
		{"", object, "line 1: the document ends too early"},
		{"\n\n", object, "line 3: the document ends too early"},
		{"{\n \"a\": \"x", object, "line 2: the document ends too early"},
		{"{\n \"a\" \"x\"}", object, "line 2, column 6: not valid JSON"},
		{"[1,\n2,,3]", object, "line 2, column 3: not valid JSON"},
		{"\"a\nb\"", object, "line 1, column 3: not valid JSON"},
		{"[\"\xff\"]", object, "line 1: the text is not UTF-8"},
		{"1\n2", object, "line 2: something follows the end of the document"},
		{"\n\"x\"", number, "line 2: expected a number for count"},
		{"1.5", number, "line 1: count must be a whole number, at most 2147483647"},
		{"-1", number, "line 1: count must be a whole number, at most 2147483647"},
		{"2147483648", number, "line 1: count must be a whole number, at most 2147483647"},
		{"99999999999999999999999999", number, "line 1: count must be a whole number, at most 2147483647"},
		{"[[\n]]", text, "line 1: expected a string for name"},
		{"tru", text, "line 1"},
	} {
		err := read(c.in, c.f)
		if !errors.Is(err, fault.Corrupted) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.in, err, c.want)
		}
	}
	if err := read("2147483647", number); err != nil {
		t.Error(err)
	}
	if err := read(`"`+strings.Repeat("x", MaxToken+100)+`"`, object); err == nil || err.Error() != "line 1: what follows is too long" {
		t.Errorf("a long token: %v", err)
	}
	d := NewReader(iotest.OneByteReader(strings.NewReader(`["`+strings.Repeat("x", 100_000)+`"]`)), fault.Invalid)
	d.Budget(1000)
	if err := object(d); err == nil || err.Error() != "line 1: what follows is too long" {
		t.Errorf("beyond the budget: %v", err)
	}
	broken := errors.New("the disk is gone")
	d = NewReader(io.MultiReader(strings.NewReader(`["a",`), iotest.ErrReader(broken)), fault.Invalid)
	if err := object(d); !errors.Is(err, broken) {
		t.Errorf("a broken file: %v", err)
	}
}

// TestLines: the line is right after each token, however the text arrives.
func TestLines(t *testing.T) {
	const doc = "{\n\"a\": [1,\n\n2],\r\n\"b\":\n\"x\"}"
	for _, r := range []io.Reader{strings.NewReader(doc), iotest.OneByteReader(strings.NewReader(doc))} {
		d := NewReader(r, fault.Invalid)
		var lines []int
		note := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, d.Line())
		}
		note(d.Open('{', "x"))
		_, err := d.Key()
		note(err)
		note(d.Open('[', "x"))
		_, err = d.Int("x")
		note(err)
		_, err = d.Int("x")
		note(err)
		_, err = d.More()
		note(err)
		_, err = d.Key()
		note(err)
		_, err = d.Text("x")
		note(err)
		if want := []int{1, 2, 2, 2, 4, 4, 5, 6}; !reflect.DeepEqual(lines, want) {
			t.Errorf("lines %v, want %v", lines, want)
		}
	}
}

func TestBuilder(t *testing.T) {
	var b Builder
	for range 2 { // a builder is used again
		b.Reset()
		s, n, at := "x\"<\u2028", 7, time.Date(2026, 1, 2, 3, 4, 5, 60, time.FixedZone("", 3600))
		b.Open('{')
		b.Key("a")
		b.Texts([]string{"1", "2"})
		b.Key("b")
		b.Texts(nil)
		b.Key("c")
		b.TextOrNull(&s)
		b.Key("d")
		b.TextOrNull(nil)
		b.Key("e")
		b.IntOrNull(&n)
		b.Key("f")
		b.IntOrNull(nil)
		b.Key("g")
		b.TimeOrNull(&at)
		b.Key("h")
		b.TimeOrNull(nil)
		b.Value([]byte("v"))
		b.Value([]byte("\xff"))
		b.Key("i")
		b.Plain([]byte("p"))
		b.Close('}')
		got, err := b.Built()
		want := `{"a":["1","2"],"b":[],"c":"x\"<` + "\u2028" + `","d":null,"e":7,"f":null,"g":"2026-01-02T02:04:05.00000006Z","h":null,"value":"v","value_base64":"/w==","i":"p"}`
		if err != nil || string(got) != want {
			t.Fatalf("%s, %v; want %s", got, err, want)
		}
	}
	b.Reset()
	b.Text("\xff")
	if _, err := b.Built(); err == nil {
		t.Error("bytes that are no text were written as text")
	}
}
