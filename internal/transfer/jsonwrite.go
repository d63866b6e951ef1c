package transfer

import (
	"bufio"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
)

// jsonValues writes what jsonReader reads, one member a line.
type jsonValues struct {
	w     *bufio.Writer
	b     jsonstream.Builder
	count int
}

func (j *jsonValues) member(scopes []revealed) error {
	j.b.Reset()
	j.b.Key(scopes[0].secret.Name)
	switch r := scopes[0]; {
	case len(scopes) > 1:
		j.b.Open('[')
		for _, r := range scopes {
			j.object(r)
		}
		j.b.Close(']')
	case r.plain() && utf8.Valid(r.value):
		j.b.Plain(r.value)
	default:
		j.object(r)
	}
	text, err := j.b.Built()
	if err != nil {
		return err
	}
	_, _ = j.w.WriteString(separator(j.count, "{"))
	j.count++
	_, err = j.w.Write(text)
	return err
}

func (j *jsonValues) object(r revealed) {
	b, s := &j.b, r.secret
	b.Open('{')
	b.Value(r.value)
	if s.Scope != "global" {
		b.Key("scope")
		b.Text(s.Scope)
	}
	if len(s.Tags) > 0 {
		b.Key("tags")
		b.Texts(s.Tags)
	}
	if len(s.Aliases) > 0 {
		b.Key("aliases")
		b.Texts(s.Aliases)
	}
	if s.ExpiresAt != nil {
		b.Key("expires_at")
		b.Time(*s.ExpiresAt)
	}
	for _, f := range []struct {
		key  string
		text *string
	}{{"rotate_every", s.RotateEvery}, {"note", s.Note}, {"owner", s.Owner}} {
		if f.text != nil {
			b.Key(f.key)
			b.Text(*f.text)
		}
	}
	b.Close('}')
}

func (j *jsonValues) end() error {
	_, _ = j.w.WriteString(closing(j.count, "{", "}") + "\n")
	return j.w.Flush()
}

// separator returns what stands before the item number count of a list or object with one item a line.
func separator(count int, open string) string {
	if count == 0 {
		return open + "\n"
	}
	return ",\n"
}

// closing returns what stands after the last of count items.
func closing(count int, open, end string) string {
	if count == 0 {
		return open + end
	}
	return "\n" + end
}

// jsonMeta writes {"format":1,"exported_at":…,"secrets":[…],"total":n}, one secret a line.
type jsonMeta struct {
	w     *bufio.Writer
	enc   *json.Encoder
	line  []byte
	count int
}

func newJSONMeta(w *bufio.Writer, o WriteOptions) *jsonMeta {
	j := &jsonMeta{w: w}
	j.enc = json.NewEncoder(lineBuffer{&j.line})
	j.enc.SetEscapeHTML(false)
	_, _ = w.WriteString(`{"format":1,"exported_at":"` + o.Now.UTC().Format(time.RFC3339) + `","secrets":`) // an error stays with w
	return j
}

// lineBuffer takes what a json.Encoder writes, but for the line end.
type lineBuffer struct{ b *[]byte }

func (l lineBuffer) Write(p []byte) (int, error) {
	*l.b = append(*l.b, p[:len(p)-1]...)
	return len(p), nil
}

// Write implements [Writer].
func (j *jsonMeta) Write(x keeper.Exported) error {
	_, _ = j.w.WriteString(separator(j.count, "["))
	j.count++
	j.line = j.line[:0]
	if err := j.enc.Encode(withLists(x.Secret)); err != nil {
		return err
	}
	_, err := j.w.Write(j.line)
	return err
}

// Close implements [Writer].
func (j *jsonMeta) Close() error {
	_, _ = j.w.WriteString(closing(j.count, "[", "]") + `,"total":` + strconv.Itoa(j.count) + "}\n")
	return j.w.Flush()
}
