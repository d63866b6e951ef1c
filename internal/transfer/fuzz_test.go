package transfer

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// fuzzReader reads a file of strangers. It must end in time, with entries that can be kept and an error of the class that
// is promised; what was read and can be written is the same when it is read again.
func fuzzReader(f *testing.F, format string) {
	f.Fuzz(func(t *testing.T, text []byte) {
		list, _, err := readAll(format, bytes.NewReader(text), Options{})
		again, _, err2 := readAll(format, stream{bytes.NewReader(text)}, Options{})
		if (err == nil) != (err2 == nil) || summaries(list, nil) != summaries(again, nil) {
			t.Fatalf("read from a file: %v\n%s\nfrom a stream: %v\n%s", err, summaries(list, nil), err2, summaries(again, nil))
		}
		if err != nil {
			if !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "line ") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q is of class %s", err, fault.CodeOf(err))
			}
			return
		}
		var good []keeper.Exported
		for _, e := range list {
			if e.Invalid == "" {
				good = append(good, asExported(e))
			}
		}
		checkWritten(t, good)
	})
}

// checkWritten writes secrets with values and compares what is read from that.
func checkWritten(t *testing.T, list []keeper.Exported) {
	t.Helper()
	slices.SortStableFunc(list, func(a, b keeper.Exported) int { return strings.Compare(a.Secret.Name, b.Secret.Name) })
	for _, format := range []string{"json", "yaml", "env"} {
		text, err := write(format, WriteOptions{Values: true}, list...)
		if format == "env" && errors.Is(err, fault.Conflict) {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		got, _, err := readAll(format, strings.NewReader(text), Options{})
		if err != nil || len(got) != len(list) {
			t.Fatalf("%s: %d of %d came back: %v\n%q", format, len(got), len(list), err, text)
		}
		for i, e := range got {
			if e.Name != list[i].Secret.Name || !bytes.Equal(e.Value.Reveal(), list[i].Value.Reveal()) {
				t.Fatalf("%s: %s came back for %q", format, summary(e), list[i].Value.Reveal())
			}
		}
	}
}

func asExported(e keeper.ImportEntry) keeper.Exported {
	scope := e.Scope
	if scope == "" {
		scope = "global"
	}
	return keeper.Exported{
		Secret: client.Secret{Name: e.Name, Scope: scope, Exposure: "readable", Tags: e.Tags, Aliases: e.Aliases, Note: e.Note, Owner: e.OwnedBy, ExpiresAt: e.ExpiresAt},
		Value:  e.Value,
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":"b"}`, `{"a":{"value":"x","tags":["t"],"expires_at":"30d"},"b":{"value_base64":"AP8="}}`, `{"a":[{"value":"1"},{"value":"2","scope":"user"}]}`,
		`{"a":1.5,"b":true}`, `{"a":"\ud83d\ude00\u0000"}`, "{\"a\":\"\xff\"}", `{"a":{"value":"x","sealed":true,"service":"s"}}`, `[]`, ``, "\ufeff{}",
	} {
		f.Add([]byte(s))
	}
	fuzzReader(f, "json")
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{
		"a: b\n", "a:\n  value: x\n  tags: [t]\n", "a: |\n  x\n  y\nb: >-\n  z\n", "a:\n- value: 1\n- {value: 2, scope: user}\n", "---\n# c\na: 'it''s'\n...\n", "{a: b}",
		"? a\n: b\n", "a: \"\\x41\\u263a\"\r\n", "a: &x 1\nb: *x\n", "a: !!str 1\n", "<<: x\n", " a: b\n", "%YAML 1.2\n---\na: 1\n", "a: \"x\n\n  y\"\n",
	} {
		f.Add([]byte(s))
	}
	fuzzReader(f, "yaml")
}

func FuzzEnv(f *testing.F) {
	for _, s := range []string{
		"A=1\nexport B='x y' # c\n", "A=\"a\\n\\\"b\\\\\"\n", "# tacit:name=a.b\n# tacit:base64\nA=AP8=\n", "A='x\r\ny'\r\n", "A=1\nA=2\n", "A=$(id) `x` ${y}\n", "A= # c\n", "1=x\n", "A='\n",
		"\ufeffA=1", "A=\"\\\r\n\"\r\n", "A=x\t#c", "A=\xff\n", "A=\x00\n",
	} {
		f.Add([]byte(s))
	}
	fuzzReader(f, "env")
}

// FuzzEnvQuote: any value comes back from the form it is written in.
func FuzzEnvQuote(f *testing.F) {
	for _, s := range oddValues() {
		if len(s) < 100 {
			f.Add([]byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		if len(v) > 0 && len(v) <= 64<<10 {
			checkWritten(t, []keeper.Exported{exported("a.b", "global", v)})
		}
	})
}

func FuzzDetect(f *testing.F) {
	for _, s := range []string{"{}", "a: b", "A=1", "---\n", "age-encryption.org/v1", "# tacit:x", "%YAML", "\ufeff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		if got := Detect(head); !slices.Contains([]string{"", "age", "json", "yaml", "env"}, got) {
			t.Fatalf("%q", got)
		}
	})
}
