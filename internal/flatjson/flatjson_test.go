package flatjson

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

type flat struct {
	Text   string    `json:"text"`
	Number int64     `json:"number"`
	Size   uint64    `json:"size"`
	On     bool      `json:"on"`
	Bytes  []byte    `json:"bytes"`
	Time   time.Time `json:"time"`
	In     struct {
		Text string `json:"text"`
	} `json:"in"`
}

func (f *flat) write() []byte {
	w := Begin(nil)
	w.Text("text", f.Text)
	w.Number("number", f.Number)
	w.Unsigned("size", f.Size)
	w.Bool("on", f.On)
	w.Bytes("bytes", f.Bytes)
	w.Time("time", f.Time)
	w.Object("in", func(w *Writer) { w.Text("text", f.In.Text) })
	return w.End()
}

func read(b []byte) (f flat, err error) {
	var r Reader
	_, err = r.Read(b, func(key []byte) error {
		switch string(key) {
		case "text":
			return Text(&r, &f.Text)
		case "number":
			return Number(&r, &f.Number)
		case "size":
			return Unsigned(&r, &f.Size)
		case "on":
			return Bool(&r, &f.On)
		case "bytes":
			return Bytes(&r, &f.Bytes)
		case "time":
			return Time(&r, &f.Time)
		case "in":
			return r.Object(func([]byte) error { return Text(&r, &f.In.Text) })
		}
		return r.Skip()
	})
	return f, err
}

// FuzzFlat: what is written is read back, by this package and by encoding/json alike.
func FuzzFlat(f *testing.F) {
	f.Add("plain", int64(0), uint64(0), false, []byte{}, int64(0), "")
	f.Add("\"\\\x00\x7f\n<&>\u2028😀\xff", int64(math.MinInt64), uint64(math.MaxUint64), true, []byte{0xff, 0}, int64(1_795_000_000_123_456_789), "\x1f")
	f.Fuzz(func(t *testing.T, text string, n int64, u uint64, on bool, b []byte, at int64, inner string) {
		in := flat{Text: text, Number: n, Size: u, On: on, Bytes: b, Time: time.Unix(0, at).UTC()}
		in.In.Text = inner
		out := in.write()
		var theirs flat
		if err := json.Unmarshal(out, &theirs); err != nil {
			t.Fatalf("encoding/json: %v: %s", err, out)
		}
		ours, err := read(out)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, got := range []flat{ours, theirs} {
			if got.Text != strings.ToValidUTF8(text, "\uFFFD") && !strings.Contains(got.Text, "\uFFFD") || got.Number != n || got.Size != u || got.On != on ||
				!bytes.Equal(got.Bytes, b) || !got.Time.Equal(in.Time) {
				t.Errorf("%+v became %+v", in, got)
			}
		}
		if ours.Text != theirs.Text || ours.In.Text != theirs.In.Text {
			t.Errorf("%q here, %q there", ours.Text, theirs.Text)
		}
	})
}

// FuzzReader: whatever comes in, it ends, without a panic.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"text":"a","unknown":[1,{"x":null},"y",true],"in":{"text":"b"}}`))
	f.Add([]byte(`{"text":"\ud83d\ude00\`))
	f.Add([]byte(strings.Repeat(`{"a":`, 40)))
	f.Add([]byte(strings.Repeat(`{"a":[[[[[[[[[[[[[[[[[[`, 1)))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = read(b) })
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		``, `[]`, `{`, `{"text"}`, `{"text":"a"`, `{"text":"a",}`, `{ "text":"a"}`, `{"text":"a\`, `{"text":"\q"}`, `{"text":1}`, `{"number":"1"}`, `{"number":}`,
		`{"number":9223372036854775808}`, `{"size":-1}`, `{"on":yes}`, `{"on":tru}`, `{"bytes":"%"}`, `{"bytes":"YQ"}`, `{"time":"now"}`, `{"x":nul}`,
		strings.Repeat(`{"in":`, maxNesting+2) + strings.Repeat(`}`, maxNesting+2),
	} {
		if f, err := read([]byte(in)); err == nil {
			t.Errorf("%s was read as %+v", in, f)
		}
	}
}
