package agefile

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

// A safe is a directory with a key file and an age file.
type safe struct {
	t         *testing.T
	path      string
	identity  string
	recipient age.Recipient
}

func newSafe(t *testing.T, base string) *safe {
	t.Helper()
	dir := t.TempDir()
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	s := &safe{t, filepath.Join(dir, base), filepath.Join(dir, "key.txt"), key.Recipient()}
	s.file(s.identity, []byte("# a comment\n"+key.String()+"\n"))
	return s
}

func (s *safe) file(path string, content []byte) {
	s.t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// seal encrypts a text into the file.
func (s *safe) seal(text string, to ...age.Recipient) {
	s.t.Helper()
	if to == nil {
		to = []age.Recipient{s.recipient}
	}
	s.file(s.path, encrypt(s.t, text, to...))
}

func encrypt(t *testing.T, text string, to ...age.Recipient) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.WriteString(w, text); err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// text decrypts the file with age itself.
func (s *safe) text(keys ...age.Identity) string {
	s.t.Helper()
	if keys == nil {
		b, err := os.ReadFile(s.identity)
		if err != nil {
			s.t.Fatal(err)
		}
		if keys, err = age.ParseIdentities(bytes.NewReader(b)); err != nil {
			s.t.Fatal(err)
		}
	}
	b, err := os.ReadFile(s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	var in io.Reader = bytes.NewReader(b)
	if bytes.HasPrefix(b, []byte(armor.Header)) {
		in = armor.NewReader(in)
	}
	r, err := age.Decrypt(in, keys...)
	if err != nil {
		s.t.Fatal(err)
	}
	if b, err = io.ReadAll(r); err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func (s *safe) provider(more ...any) provider.Provider {
	s.t.Helper()
	p, err := Make(provider.Spec{Name: providertest.Name, Settings: providertest.Table(append(more, "path", s.path, "identity", s.identity)...)}, provider.World{})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func TestSuite(t *testing.T) {
	t.Parallel()
	sameVariable := func(a, b string) bool { return envVariable(a) == envVariable(b) }
	for _, test := range []struct {
		base, empty, foreign string
		same                 func(a, b string) bool
	}{
		{"secrets.json.age", "{}", `{"not a name":"x",`, nil},
		{"secrets.yaml.age", "# nothing yet\n", "not a name: x\n", nil},
		{".env.age", "# nothing yet", "_X=x\n", sameVariable},
	} {
		t.Run(test.base, func(t *testing.T) {
			t.Parallel()
			providertest.Run(t, providertest.Store{Same: test.same, New: func(t *testing.T, _ provider.World) providertest.Subject {
				s := newSafe(t, test.base)
				s.seal(test.empty)
				return providertest.Subject{Provider: s.provider(), Foreign: func() { s.seal(test.foreign + strings.TrimPrefix(s.text(), "{")) }}
			}})
		})
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, base, text, key, want string }{
		{"json", "s.json.age", `{"db-password":"one\n"}`, "db-password", "one\n"},
		{"json number", "s.json.age", `{"port":5432.10}`, "port", "5432.10"},
		{"json base64", "s.json.age", `{"k":{"value_base64":"AAEC"}}`, "k", "\x00\x01\x02"},
		{"json value", "s.json.age", `{"k":{"value":"v"}}`, "k", "v"},
		{"json by content", "s.age", ` {"k":"v"}`, "k", "v"},
		{"yaml", "s.yaml.age", "a: b\nkey: |\n  -----BEGIN\n  x\n", "key", "-----BEGIN\nx\n"},
		{"yaml number", "s.yml.age", "port: 0777\n", "port", "0777"},
		{"yaml word", "s.yml.age", "k: yes\n", "k", "yes"},
		{"yaml binary", "s.yml.age", "k: !!binary AAEC\n", "k", "\x00\x01\x02"},
		{"env", ".env.age", "A=1\nexport KEY='two\nlines' # x\nB=2", "KEY", "two\nlines"},
		{"env last line", "prod.env.age", "A=1\nB=2", "B", "2"},
		{"env name", "s.env.age", "# tacit:name=db.password\nDB_PASSWORD=$x\n", "db.password", "$x"},
		{"env base64", "s.env.age", "# tacit:base64\nK=AAEC\n", "K", "\x00\x01\x02"},
		{"yaml base64", "s.yaml.age", "k: {value_base64: AAEC}\n", "k", "\x00\x01\x02"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSafe(t, test.base)
			s.seal(test.text)
			it, err := s.provider().Read(t.Context(), test.key, "")
			if err != nil || string(it.Value.Reveal()) != test.want {
				t.Errorf("got %q, %v, want %q", it.Value.Reveal(), err, test.want)
			}
		})
	}
}

// I19: a file that cannot be read, opened or understood has not said that there is no such secret.
func TestI19UnknownIsNotMissing(t *testing.T) {
	t.Parallel()
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	phrase, err := age.NewScryptRecipient("passphrase")
	if err != nil {
		t.Fatal(err)
	}
	phrase.SetWorkFactor(10)
	good := `{"k":"` + providertest.Canary + `"}`
	for _, test := range []struct {
		name string
		do   func(s *safe)
		want fault.Code
	}{
		{"no file", func(*safe) {}, fault.Unavailable},
		{"a directory", func(s *safe) { _ = os.Mkdir(s.path, 0o700) }, fault.Unavailable},
		{"empty", func(s *safe) { s.file(s.path, nil) }, fault.Invalid},
		{"not encrypted", func(s *safe) { s.file(s.path, []byte(good)) }, fault.Invalid},
		{"another key", func(s *safe) { s.seal(good, other.Recipient()) }, fault.Denied},
		{"a passphrase", func(s *safe) { s.seal(good, phrase) }, fault.Usage},
		{"cut off", func(s *safe) { b := encrypt(s.t, good, s.recipient); s.file(s.path, b[:len(b)-1]) }, fault.Invalid},
		{"cut after the header", func(s *safe) { b := encrypt(s.t, good, s.recipient); s.file(s.path, b[:len(b)-16-len(good)]) }, fault.Invalid},
		{"changed", func(s *safe) {
			b := encrypt(s.t, good, s.recipient)
			b[len(b)-20] ^= 1
			s.file(s.path, b)
		}, fault.Invalid},
		{"changed header", func(s *safe) {
			b := encrypt(s.t, good, s.recipient)
			s.file(s.path, bytes.Replace(b, []byte("\n--- "), []byte("\n--- A"), 1))
		}, fault.Invalid},
		{"no object", func(s *safe) { s.seal(`["k"]`) }, fault.Invalid},
		{"no JSON", func(s *safe) { s.seal(good + "}") }, fault.Invalid},
		{"twice", func(s *safe) { s.seal(`{"k":"a","k":"b"}`) }, fault.Invalid},
		{"not UTF-8", func(s *safe) { s.seal("{\"k\":\"\xff\"}") }, fault.Invalid},
		{"an object", func(s *safe) { s.seal(`{"k":{"user":"x"}}`) }, fault.Invalid},
		{"nothing", func(s *safe) { s.seal(`{"k":null}`) }, fault.Invalid},
		{"half a surrogate", func(s *safe) { s.seal(`{"k":"\ud83d"}`) }, fault.Invalid},
		{"no key file", func(s *safe) { s.seal(good); _ = os.Remove(s.identity) }, fault.Usage},
		{"a key file for all", func(s *safe) { s.seal(good); _ = os.Chmod(s.identity, 0o644) }, fault.Denied},
		{"no key in it", func(s *safe) { s.seal(good); s.file(s.identity, []byte("x\n")) }, fault.Usage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSafe(t, "s.json.age")
			test.do(s)
			it, err := s.provider().Read(t.Context(), "k", "")
			var e *fault.Error
			if !errors.As(err, &e) || e.Code != test.want || e.Fix == "" || it.Value.Len() > 0 || strings.Contains(err.Error(), providertest.Canary) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestWriteKeepsTheRest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ base, before, after string }{
		{"s.json.age", `{"b":"1","no name":[1,{"x":2.50}],"a":"old"}`, "{\n  \"b\": \"1\",\n  \"no name\": [\n    1,\n    {\n      \"x\": 2.50\n    }\n  ],\n  \"a\": \"new <&>\"\n}\n"},
		{"s.yaml.age", "# ours\nb: 1 # one\nnest:\n  - x\na: old # the key\n", "# ours\nb: 1 # one\nnest:\n- x\na: new <&> # the key\n"},
		{".env.age", "# ours\nb=1 # one\n\n# tacit:name=x.y\n# what it is for\nX_Y='1\n2'\na=old", "# ours\nb=1 # one\n\n# tacit:name=x.y\n# what it is for\nX_Y='1\n2'\na=\"new <&>\"\n"},
	} {
		s := newSafe(t, test.base)
		s.seal(test.before)
		if err := os.Chmod(s.path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.provider().Write(t.Context(), "a", secret.New([]byte("new <&>"))); err != nil {
			t.Fatal(err)
		}
		if got := s.text(); got != test.after {
			t.Errorf("%s became %q, want %q", test.base, got, test.after)
		}
		if info, err := os.Stat(s.path); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
}

func TestArmorStays(t *testing.T) {
	t.Parallel()
	s := newSafe(t, "s.json.age")
	var b bytes.Buffer
	w := armor.NewWriter(&b)
	if _, err := w.Write(encrypt(t, `{"k":"v"}`, s.recipient)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s.file(s.path, b.Bytes())
	if _, err := s.provider().Write(t.Context(), "a", secret.New([]byte("new"))); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(s.path)
	if err != nil || !bytes.HasPrefix(after, []byte(armor.Header)) || s.text() != "{\n  \"k\": \"v\",\n  \"a\": \"new\"\n}\n" {
		t.Errorf("%q, %v", after, err)
	}
}

// A file that others can open stays one that they can open.
func TestWriteLocksNobodyOut(t *testing.T) {
	t.Parallel()
	s := newSafe(t, "s.json.age")
	mine, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	s.file(s.identity, []byte(mine.String()+"\n"))
	s.seal(`{"k":"v"}`, mine.Recipient(), theirs.Recipient())
	before, _ := os.ReadFile(s.path)
	_, err = s.provider().Write(t.Context(), "a", secret.New([]byte("new")))
	if after, _ := os.ReadFile(s.path); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), "2 recipients and 1 are known") || !bytes.Equal(before, after) {
		t.Errorf("got %v", err)
	}
	p := s.provider("recipients", []string{mine.Recipient().String(), theirs.Recipient().String()})
	if _, err := p.Write(t.Context(), "a", secret.New([]byte("new"))); err != nil {
		t.Fatal(err)
	}
	if got := s.text(theirs); !strings.Contains(got, `"a": "new"`) {
		t.Errorf("theirs: %q", got)
	}
	if _, err := p.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if got := s.text(mine); got != "{\n  \"a\": \"new\"\n}\n" {
		t.Errorf("mine: %q", got)
	}
}

// TestWriteLetsNobodyBackIn: a file of keys that holds an old one beside the new is no list of whom a file is for.
func TestWriteLetsNobodyBackIn(t *testing.T) {
	t.Parallel()
	s := newSafe(t, "s.json.age")
	var keys [3]*age.X25519Identity
	for i := range keys {
		var err error
		if keys[i], err = age.GenerateX25519Identity(); err != nil {
			t.Fatal(err)
		}
	}
	mine, retired, theirs := keys[0], keys[1], keys[2]
	s.file(s.identity, []byte(mine.String()+"\n"+retired.String()+"\n"))
	for want, to := range map[string][]age.Recipient{
		"holds 2 keys":                  {mine.Recipient()},
		"2 recipients, and not known":   {mine.Recipient(), theirs.Recipient()},
		"3 recipients and 2 are known:": {mine.Recipient(), theirs.Recipient(), retired.Recipient()},
	} {
		s.seal(`{"k":"v"}`, to...)
		before, _ := os.ReadFile(s.path)
		_, err := s.provider().Write(t.Context(), "a", secret.New([]byte("new")))
		if after, _ := os.ReadFile(s.path); !errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), want) || !bytes.Equal(before, after) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	s.seal(`{"k":"v"}`, mine.Recipient())
	if _, err := s.provider("recipients", []string{mine.Recipient().String()}).Write(t.Context(), "a", secret.New([]byte("new"))); err != nil {
		t.Fatal(err)
	}
	sealed, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := age.Decrypt(bytes.NewReader(sealed), retired); err == nil {
		t.Error("the retired key opens it")
	}
}

func TestSSHKeysOpenAndLock(t *testing.T) {
	t.Parallel()
	s := newSafe(t, "s.json.age")
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	s.file(s.identity, pem.EncodeToMemory(block))
	k, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	r, err := agessh.NewEd25519Recipient(k)
	if err != nil {
		t.Fatal(err)
	}
	s.seal(`{"k":"v"}`, r)
	p := s.provider()
	if _, err := p.Write(t.Context(), "a", secret.New([]byte("new"))); err != nil {
		t.Fatal(err)
	}
	if it, err := p.Read(t.Context(), "k", ""); err != nil || string(it.Value.Reveal()) != "v" {
		t.Errorf("%q, %v", it.Value.Reveal(), err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for want, pairs := range map[string][]any{
		"tacit.yaml:1: path is missing":     {"identity", "k"},
		"tacit.yaml:1: identity is missing": {"path", "s.age"},
		"tacit.yaml:2: format is json":      {"path", "s.age", "identity", "k", "format", "toml"},
	} {
		_, err := Make(provider.Spec{Name: "age-file", Settings: providertest.Table(pairs...)}, provider.World{})
		if !errors.Is(err, fault.Usage) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", pairs, err, want)
		}
	}
}

// Whatever is in a file: a secret that is written is read back, and every other one stays what it was.
func FuzzChange(f *testing.F) {
	for _, text := range []string{"{}", `{"a":"1","b":[{}],"c":{"value_base64":"AA=="}}`, "", "# x\n", "a: b # c\n? k\n: |\n  x\n", "a: &x 1\nb: *x\n", "<<: {a: b}\n", "{a: 'b', \"c\": null}", "a=1\n# tacit:name=b.c\n#\nB_C='x\r\ny'\r\nexport D = e # f"} {
		for _, value := range []string{"v", "", "null", "multi\nline\r\n", "\x00\xff", "key: value # x", "- x", "'", "\u2028\ufffd"} {
			for i := range uint8(3) {
				f.Add(text, "a", []byte(value), i)
				f.Add(text, "new-key", []byte(value), i)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text, key string, value []byte, kind uint8) {
		format := []string{"json", "yaml", "env"}[kind%3]
		before, err := parse(format, []byte(text))
		if err != nil || provider.CheckName("x", key) != nil || len(value) == 0 {
			return
		}
		changed, err := change(format, []byte(text), key, value)
		if err != nil {
			if format == "json" {
				t.Errorf("JSON cannot hold %q: %v", value, err)
			}
			return
		}
		after, err := parse(format, changed)
		if err != nil {
			t.Fatalf("%q: %v", changed, err)
		}
		if got, err := after.get(key); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%q became %q, %v", value, got, err)
		}
		var names []string
		before.each(func(k string) {
			x, xErr := before.get(k)
			if y, yErr := after.get(k); k != key && (!bytes.Equal(x, y) || !errors.Is(yErr, xErr)) {
				t.Errorf("%q was %q, %v and is %q, %v", k, x, xErr, y, yErr)
			}
			names = append(names, k)
		})
		if n := count(after); n != len(names) && (slices.Contains(names, key) || n != len(names)+1) {
			t.Errorf("%d keys became %d", len(names), n)
		}
		if gone, err := change(format, changed, key, nil); err != nil {
			t.Errorf("%q cannot be removed from %q: %v", key, changed, err)
		} else if d, err := parse(format, gone); err != nil || count(d) != count(after)-1 {
			t.Errorf("%q: %v", gone, err)
		}
	})
}
