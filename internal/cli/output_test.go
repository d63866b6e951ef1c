package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/secret"
)

func noenv(string) string { return "" }

func TestVisible(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"db.password", "db.password"},
		{"größe 世界 →", "größe 世界 →"},
		{"a\nb\tc\r", `a\nb\tc\r`},
		{"\x1b[2J\x07", `\x1b[2J\a`},
		{"\u202eevil\u200b", `\u202eevil\u200b`},
		{"\x9b31m", `\x9b31m`},
		{"\xff\xfe", `\xff\xfe`},
		{"\ufffd", "\ufffd"},
		{"'", "'"},
	} {
		if got := visible(c.in); got != c.want {
			t.Errorf("visible(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b]0;title\x07", "\xc3\x28", "\u0085", "\U000e0001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range visible(s) {
			if !unicode.IsPrint(r) && r != unicode.ReplacementChar {
				t.Fatalf("visible(%q) lets %U through", s, r)
			}
		}
	})
}

func TestJSONIsComplete(t *testing.T) {
	t.Parallel()
	local := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("CET", 3600))
	in := client.List{Secrets: []client.Secret{{CreatedAt: local, ExpiresAt: &local}}}
	b, err := encodeJSON(in, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"tags":[]`, `"created_at":"2026-11-22T11:00:00Z"`, `"expires_at":"2026-11-22T11:00:00Z"`, `"note":null`} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	if in.Secrets[0].Tags != nil || in.Secrets[0].CreatedAt.Location() == time.UTC || local.Location() == time.UTC {
		t.Error("encoding changed what it was given")
	}
	if b, _ := encodeJSON(client.List{}, false); !bytes.Contains(b, []byte(`"secrets":[]`)) {
		t.Errorf("an absent list is null: %s", b)
	}
}

func TestFailureIsOneLineAndAWayOut(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("get: %w", fault.New(fault.NotFound, "no such secret: %s", "a\nb\x1b[0m").WithFix("tacit list").About("a"))
	var stdout, stderr bytes.Buffer
	o := newOutput(&stdout, &stderr, noenv)
	if exit := o.failure(err); exit != 3 {
		t.Errorf("exit %d", exit)
	}
	if got, want := stderr.String(), "tacit: get: no such secret: a\\nb\\x1b[0m\n  → tacit list\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	stderr.Reset()
	o.asJSON = true
	if exit := o.failure(err); exit != 3 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit %d, %q", exit, stderr.String())
	}
	var p client.Problem
	if err := json.Unmarshal(stderr.Bytes(), &p); err != nil || p.Error.Code != "not_found" || *p.Error.Fix != "tacit list" || *p.Error.Object != "a" {
		t.Errorf("%v: %s", err, stderr.String())
	}
	if stdout.Len() != 0 {
		t.Errorf("an error went to standard output: %q", stdout.String())
	}
	stderr.Reset()
	if exit := o.failure(exitStatus(7)); exit != 7 || stderr.Len() != 0 {
		t.Errorf("a child's status %d, %q", exit, stderr.String())
	}
	if exit := o.failure(errors.New("something")); exit != 1 {
		t.Errorf("exit %d for an error without a class", exit)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	o := newOutput(&stdout, &stderr, noenv)
	v := secret.New([]byte("CANARY"))
	o.Line("%s %v %q %x", v, v, v, v)
	o.Notice("%+v", struct{ V secret.Value }{v})
	_ = o.JSON(map[string]any{"value": v})
	_ = o.flush()
	if s := stdout.String() + stderr.String(); strings.Contains(s, "CANARY") || strings.Contains(s, "43414e415259") {
		t.Errorf("a secret was printed: %s", s)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	o := newOutput(&stdout, &bytes.Buffer{}, noenv)
	o.Table([]string{"Name", "Scope"}, [][]string{{"a\x1b[1m", "global"}, {"longer.name", ""}})
	_ = o.flush()
	want := "Name         Scope\na\\x1b[1m     global\nlonger.name\n"
	if got := stdout.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestProgressBar(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	a := newApp(World{Stdout: &bytes.Buffer{}, Stderr: &stderr, Now: time.Now})
	if p, done := a.progress("Moving"); p != nil {
		t.Error("there is a bar without a terminal")
	} else {
		done()
	}
	a.out.errTerminal = true
	now := time.Unix(0, 0)
	a.world.Now = func() time.Time { return now }
	p, done := a.progress("Moving")
	for i := range 1001 {
		p(i, 1000)
		now = now.Add(time.Millisecond)
	}
	if n := strings.Count(stderr.String(), "\r"); n > 15 {
		t.Errorf("drawn %d times in a second", n)
	}
	if !strings.Contains(stderr.String(), "1000 of 1000") {
		t.Errorf("the end was not drawn: %q", stderr.String())
	}
	done()
	if !strings.HasSuffix(stderr.String(), "\r\x1b[K") {
		t.Error("the bar stays on the screen")
	}
}

func TestGlobalFlagsMayStandAnywhere(t *testing.T) {
	t.Parallel()
	root := newApp(World{}).root()
	for _, c := range []struct{ args, want string }{
		{"get x", "get"},
		{"--json get x", "get"},
		{"--workspace W get x", "get"},
		{"--workspace=W get x", "get"},
		{"-q --scope global list", "list"},
		{"--unknown get", "get"},
		{"--workspace", ""},
		{"-- get", ""},
		{"", ""},
	} {
		if got := commandWord(root, strings.Fields(c.args)); got != c.want {
			t.Errorf("commandWord(%q) = %q, want %q", c.args, got, c.want)
		}
	}
}
