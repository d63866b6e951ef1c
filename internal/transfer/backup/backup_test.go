package backup

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

var (
	header = Header{ExportedAt: time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.UTC), VaultID: "v_1"}
	byText = cmp.Comparer(func(a, b secret.Value) bool { return bytes.Equal(a.Reveal(), b.Reveal()) })
)

func sample(i int, value string) Secret {
	note, at := "a \"note\"\nof two lines", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	from := 1
	return Secret{
		ID: fmt.Sprintf("s_%d", i), Name: fmt.Sprintf("app/key-%d", i), Scope: "workspace/W", Exposure: "readable", Tags: []string{"prod"},
		Aliases: []string{fmt.Sprintf("alias-%d", i)}, Groups: []string{"W/G"}, Note: &note, CreatedAt: at, UpdatedAt: at, RotateEvery: 30 * 24 * time.Hour,
		Versions: []Version{
			{Version: 1, Via: "set", Principal: "user/ana", CreatedAt: at, ValidUntil: &at, Value: secret.New([]byte(value))},
			{Version: 3, Via: "rollback", Principal: "user/ana", CreatedAt: at, ExpiresAt: &at, FromVersion: &from, Value: secret.New([]byte("\xff\x00" + value))},
		},
	}
}

func written(t interface{ Fatalf(string, ...any) }, secrets ...Secret) []byte {
	var out bytes.Buffer
	w, err := NewWriter(&out, header)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, s := range secrets {
		if err := w.Secret(s); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("%v", err)
	}
	return out.Bytes()
}

func readAll(r io.Reader) (Header, []Secret, error) {
	b, err := NewReader(r)
	if err != nil {
		return Header{}, nil, err
	}
	var list []Secret
	for {
		s, err := b.Next()
		if errors.Is(err, io.EOF) {
			return b.Header(), list, nil
		}
		if err != nil {
			return b.Header(), list, err
		}
		list = append(list, s)
	}
}

func TestRoundTrip(t *testing.T) {
	texts := rapid.StringOf(rapid.RuneFrom([]rune("a<>&\"\\/\n\t\x00\x7f\u0085\u2028é€😀")))
	secrets := rapid.Custom(func(t *rapid.T) Secret {
		at := func(label string) time.Time {
			return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, label), rapid.Int64Range(0, 1e9-1).Draw(t, label+" ns")).UTC()
		}
		maybe := func(label string) *string {
			if s := texts.Draw(t, label); s != "" {
				return &s
			}
			return nil
		}
		s := Secret{
			Name: rapid.StringMatching(`[a-z][a-z./_-]{0,9}[a-z]`).Filter(func(s string) bool {
				return !strings.Contains(s, "/.") && !strings.Contains(s, "./") && !strings.Contains(s, "//")
			}).Draw(t, "name"),
			Scope:    rapid.SampledFrom([]string{"global", "user", "workspace/W/group/G"}).Draw(t, "scope"),
			Exposure: rapid.SampledFrom([]string{"readable", "sealed"}).Draw(t, "exposure"), Pin: maybe("pin"), Owner: maybe("owner"), Note: maybe("note"),
			Tags: rapid.SliceOfN(rapid.StringMatching(`[a-z:]{1,5}`), 0, 3).Draw(t, "tags"), Aliases: []string{}, Groups: rapid.SliceOfN(texts, 0, 2).Draw(t, "groups"),
			CreatedAt: at("created"), UpdatedAt: at("updated"), RotateEvery: time.Duration(rapid.Int64Range(0, 1e6).Draw(t, "rotate")) * time.Second,
		}
		number := 0
		for range rapid.IntRange(1, 3).Draw(t, "versions") {
			number += rapid.IntRange(1, 3).Draw(t, "step")
			v := Version{Version: number, Via: "set", Principal: texts.Draw(t, "principal"), CreatedAt: at("version")}
			if rapid.Bool().Draw(t, "dates") {
				until, from := at("until"), rapid.IntRange(1, 9).Draw(t, "from")
				v.ValidUntil, v.ExpiresAt, v.FromVersion = &until, &until, &from
			}
			v.Value = secret.New(rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "value"))
			s.Versions = append(s.Versions, v)
		}
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfNDistinct(secrets, 0, 5, func(s Secret) string { return s.Scope + " " + s.Name }).Draw(t, "secrets")
		for i := range want {
			want[i].ID = fmt.Sprintf("s_%d", i)
		}
		doc := written(t, want...)
		if !utf8.Valid(doc) || !json.Valid(doc) {
			t.Fatalf("not JSON: %q", doc)
		}
		h, got, err := readAll(iotest.OneByteReader(bytes.NewReader(doc)))
		if err != nil || h != header {
			t.Fatalf("%+v, %v in %s", h, err, doc)
		}
		if len(want) == 0 {
			want = nil
		}
		if d := cmp.Diff(want, got, byText); d != "" {
			t.Fatalf("what was read differs: %s", d)
		}
	})
}

// TestReadableWithJQ: a stranger gets a value out of the document with jq alone.
func TestReadableWithJQ(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Fatal("jq is needed: ", err)
	}
	cmd := exec.Command(jq, "-r", `.tacit_backup, .total, (.secrets[] | select(.name=="app/key-1") | .versions | last | .value // .value_base64)`)
	cmd.Stdin = bytes.NewReader(written(t, sample(0, "x"), sample(1, "y")))
	out, err := cmd.Output()
	if want := "1\n2\n" + base64.StdEncoding.EncodeToString([]byte("\xff\x00y")) + "\n"; err != nil || string(out) != want {
		t.Fatalf("jq says %q, %v; want %q", out, err, want)
	}
	one := bytes.Count(written(t, sample(0, "x"), sample(1, "y")), []byte("\n"))
	if one != 6 {
		t.Errorf("%d lines, want one a secret and four around them", one)
	}
}

// TestI04TruncatedBackup cuts a document at every byte: each cut is found, and only whole secrets came out before it.
func TestI04TruncatedBackup(t *testing.T) {
	doc := written(t, sample(0, "first"), sample(1, "second"))
	for cut := range len(doc) - 1 { // the last byte is a line end
		_, got, err := readAll(bytes.NewReader(doc[:cut]))
		if !errors.Is(err, fault.Corrupted) || len(got) > 2 {
			t.Fatalf("cut at %d of %d: %d secrets, %v", cut, len(doc), len(got), err)
		}
	}
}

func TestStrict(t *testing.T) {
	good := string(written(t, sample(0, "value-0"), sample(1, "value-1")))
	for _, c := range []struct {
		name, old, replacement, want string
	}{
		{"newer", `{"tacit_backup":1`, `{"tacit_backup":2`, "its format is 2, and this tacit reads 1"},
		{"no format", `"tacit_backup":1,`, ``, "line 1: expected the field tacit_backup"},
		{"format is text", `"tacit_backup":1`, `"tacit_backup":"1"`, "line 1: expected a number for tacit_backup"},
		{"a list", good, "[]", "line 1: expected an object for the document"},
		{"not JSON", good, "hello", "line 1, column 1: not valid JSON"},
		{"empty", good, "", "line 1: the document ends too early"},
		{"header field", `"vault_id"`, `"vault"`, "line 1: expected the field vault_id"},
		{"bad time", `"exported_at":"2026-07-01T`, `"exported_at":"2026-07-01 `, "line 1: exported_at is not a time"},
		{"unknown field", `"note":`, `"motto":`, `line 3: unknown field "motto" of a secret`},
		{"additional field", `"note":`, `"motto":1,"note":`, `line 3: unknown field "motto" of a secret`},
		{"repeated field", `"note":`, `"owner":null,"note":`, `line 3: duplicate field "owner" of a secret`},
		{"missing field", `"pin":null,`, ``, `line 3: a secret lacks 1 of its fields`},
		{"unknown version field", `"via":"set"`, `"why":"set"`, `line 3: unknown field "why" of a version`},
		{"both values", `"value":"value-0"`, `"value":"value-0","value_base64":"eA=="`, `line 3: duplicate field "value_base64" of a version`},
		{"no value", `,"value":"value-0"`, ``, `line 3: a version lacks 1 of its fields`},
		{"empty value", `"value":"value-0"`, `"value":""`, `line 3: "app/key-0": version 1 has no value`},
		{"null value", `"value":"value-0"`, `"value":null`, `line 3: expected a string for value`},
		{"bad base64", `"value":"value-0"`, `"value_base64":"%%"`, `line 3: value_base64 is not base64`},
		{"bad name", `"name":"app/key-0"`, `"name":"app//key"`, `line 3: invalid name "app//key": it has an empty segment`},
		{"bad scope", `"scope":"workspace/W"`, `"scope":"/"`, `line 3: invalid scope "/"`},
		{"bad alias", `"aliases":["alias-0"]`, `"aliases":["1"]`, `line 3: invalid name "1": it must begin with a letter`},
		{"bad tag", `"tags":["prod"]`, `"tags":["a b"]`, `line 3: invalid tag "a b": it holds a character that is not allowed`},
		{"bad exposure", `"exposure":"readable"`, `"exposure":"open"`, `line 3: "app/key-0": its exposure is neither readable nor sealed`},
		{"no versions", `"versions":[`, `"versions":[],"x":[`, `line 3: unknown field "x" of a secret`},
		{"versions descend", `"version":3`, `"version":1`, `line 3: "app/key-0": version 1 does not follow version 1`},
		{"version zero", `"version":1`, `"version":0`, `line 3: "app/key-0": version 0 does not follow version 0`},
		{"huge version", `"version":1`, `"version":4294967296`, `line 3: version must be a whole number, at most 2147483647`},
		{"negative", `"version":1`, `"version":-1`, `line 3: version must be a whole number, at most 2147483647`},
		{"bad duration", `"rotate_every":"30d"`, `"rotate_every":"monthly"`, `line 3: invalid duration "monthly"`},
		{"same id", `"id":"s_1"`, `"id":"s_0"`, `line 4: duplicate id of "app/key-1"`},
		{"same name", `"name":"app/key-1"`, `"name":"app/key-0"`, `line 4: duplicate name "app/key-0"`},
		{"alias is a name", `"aliases":["alias-1"]`, `"aliases":["app/key-0"]`, `line 4: duplicate name "app/key-0"`},
		{"wrong total", `"total":2`, `"total":3`, `line 6: it holds 2 secrets, but its total is 3`},
		{"no total", `,"total":2`, ``, `line 6: total is missing`},
		{"a service that is none", `"services":[]`, `"services":[1]`, `line 6: expected an object in services`},
		{"no services", `"services":[],`, ``, `line 6: expected the field services`},
		{"another list", `"bindings":[]`, `"policies":[]`, `line 6: expected the field bindings`},
		{"after the total", `"total":2}`, `"total":2,"x":1}`, `line 6: something follows the total`},
		{"after the end", "\"total\":2}\n", "\"total\":2}\n{}", `line 7: something follows the end of the document`},
		{"not UTF-8", `value-0`, "value-\xff", `line 3: the text is not UTF-8`},
		{"lone surrogate", `value-0`, `value-\ud800`, `line 3, column`},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := strings.Replace(good, c.old, c.replacement, 1)
			if doc == good {
				t.Fatalf("%q is not in the document", c.old)
			}
			_, _, err := readAll(strings.NewReader(doc))
			want := fault.Corrupted
			if c.name == "newer" {
				want = fault.NewerFormat
			}
			if !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "read the backup: "+c.want) {
				t.Errorf("%v (%s), want %q", err, fault.CodeOf(err), c.want)
			}
			if err != nil && strings.Contains(err.Error(), "value-0") {
				t.Errorf("the error shows a value: %v", err)
			}
		})
	}
}

// TestWriterRefusesWhatCannotBeRead: a backup that was written can be restored.
func TestWriterRefusesWhatCannotBeRead(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	bad := map[string]func(*Secret){
		"name":     func(s *Secret) { s.Name = "1" },
		"scope":    func(s *Secret) { s.Scope = "" },
		"id":       func(s *Secret) { s.ID = "" },
		"empty":    func(s *Secret) { s.Versions[0].Value = secret.Value{} },
		"long":     func(s *Secret) { s.Versions[0].Value = secret.New([]byte(long)) },
		"note":     func(s *Secret) { s.Note = &long },
		"order":    func(s *Secret) { s.Versions[1].Version = 1 },
		"none":     func(s *Secret) { s.Versions = nil },
		"fraction": func(s *Secret) { s.RotateEvery = time.Millisecond },
		"not text": func(s *Secret) { n := "\xff"; s.Note = &n },
	}
	for what, spoil := range bad {
		w, err := NewWriter(io.Discard, header)
		if err != nil {
			t.Fatal(err)
		}
		s := sample(0, "x")
		spoil(&s)
		if err := w.Secret(s); err == nil {
			t.Errorf("%s: written", what)
		}
	}
	s := sample(0, "x") // the longest there is
	control := strings.Repeat("\x01", maxText)
	s.Note, s.Versions[0].Value = &control, secret.New([]byte(control))
	if _, got, err := readAll(bytes.NewReader(written(t, s))); err != nil || cmp.Diff([]Secret{s}, got, byText) != "" {
		t.Errorf("the longest texts do not come back: %v", err)
	}
}

// TestI08EndlessBackup feeds documents that never end; reading stops soon and in little memory.
func TestI08EndlessBackup(t *testing.T) {
	start := strings.TrimSuffix(string(written(t)), "],\n\"services\":[],\"credentials\":[],\"bindings\":[],\"policies\":[],\"total\":0}\n")
	for name, endless := range map[string]struct{ before, again string }{
		"blanks": {"", " "}, "lines": {"", "\n"}, "key": {`{"`, "a"}, "value": {`{"id":"`, "a"}, "number": {`{"id":`, "1"}, "depth": {`{"id":`, "["},
		"tags": {`{"tags":["x"`, `,"x"`},
	} {
		src := &endlessReader{start: start + endless.before, again: endless.again}
		_, _, err := readAll(src)
		if !errors.Is(err, fault.Corrupted) || src.read > 8<<20 {
			t.Errorf("%s: %v after %d bytes", name, err, src.read)
		}
	}
}

type endlessReader struct {
	start, again string
	read         int
}

func (e *endlessReader) Read(p []byte) (int, error) {
	n := copy(p, e.start)
	e.start = e.start[n:]
	if n == 0 {
		for n+len(e.again) <= len(p) {
			n += copy(p[n:], e.again)
		}
		if n == 0 {
			n = copy(p, e.again[:1])
		}
	}
	e.read += n
	return n, nil
}

// TestConstantMemory reads and writes 19 MB at once, through a pipe, in a small heap.
func TestConstantMemory(t *testing.T) {
	const count = 15_000
	value := strings.Repeat("v", 300)
	r, w := io.Pipe()
	go func() {
		b, err := NewWriter(w, header)
		for i := 0; i < count && err == nil; i++ {
			err = b.Secret(sample(i, value))
		}
		if err == nil {
			err = b.Close()
		}
		w.CloseWithError(err)
	}()
	b, err := NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	var most uint64
	for i := 0; ; i++ {
		_, err := b.Next()
		if errors.Is(err, io.EOF) {
			if i != count {
				t.Fatalf("%d secrets", i)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if i%10_000 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if most > 8<<20 {
		t.Errorf("%d MiB of live heap", most>>20)
	}
}

func TestFaultsOfTheFile(t *testing.T) {
	broken := errors.New("the disk is gone")
	doc := written(t, sample(0, "x"))
	_, _, err := readAll(io.MultiReader(bytes.NewReader(doc[:300]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
	w, err := NewWriter(failing{broken}, header)
	for i := 0; i < 1000 && err == nil; i++ {
		err = w.Secret(sample(i, "x"))
	}
	if !errors.Is(err, broken) || !errors.Is(w.Close(), broken) {
		t.Errorf("writing: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzReader: what is read can be written and read again, and errors are of the classes that are promised.
func FuzzReader(f *testing.F) {
	f.Add(written(f))
	f.Add(written(f, sample(0, "x")))
	f.Add([]byte(`{"tacit_backup":1,"exported_at":"2026-01-01T00:00:00Z","vault_id":"","secrets":[{"id":1`))
	f.Add([]byte(`{"tacit_backup":9}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		h, got, err := readAll(bytes.NewReader(doc))
		if err != nil {
			if c := fault.CodeOf(err); c != fault.Corrupted && c != fault.NewerFormat {
				t.Fatalf("%v is of class %s", err, c)
			}
			return
		}
		var out bytes.Buffer
		w, err := NewWriter(&out, h)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got {
			if err := w.Secret(s); err != nil {
				t.Fatalf("read but not written: %v", err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		h2, again, err := readAll(&out)
		if err != nil || h2 != h || cmp.Diff(got, again, byText) != "" {
			t.Fatalf("written and read again: %v\n%s", err, cmp.Diff(got, again, byText))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	value := strings.Repeat("v", 300)
	secrets := make([]Secret, 10_000)
	for i := range secrets {
		secrets[i] = sample(i, value)
		secrets[i].Versions = secrets[i].Versions[:1]
	}
	doc := written(b, secrets...)
	b.ReportAllocs()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, got, err := readAll(bytes.NewReader(doc)); err != nil || len(got) != len(secrets) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(secrets))/b.Elapsed().Seconds(), "secrets/s")
}

func BenchmarkWriter(b *testing.B) {
	s := sample(0, strings.Repeat("v", 300))
	w, _ := NewWriter(io.Discard, header)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Secret(s); err != nil {
			b.Fatal(err)
		}
	}
}
