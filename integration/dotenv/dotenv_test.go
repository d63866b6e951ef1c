// Package dotenv compares tacit's reader and writer of env files with the one of Docker Compose, where the dialects agree.
package dotenv

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	compose "github.com/compose-spec/compose-go/v2/dotenv"
	"pgregory.net/rapid"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/secret"
	"tacit/internal/transfer"
)

// ours reads with tacit. Compose keeps names without a value as empty; so does this.
func ours(t interface{ Fatalf(string, ...any) }, text string) map[string]string {
	r, err := transfer.NewReader("env", strings.NewReader(text), transfer.Options{Now: time.Unix(0, 0)})
	if err != nil {
		t.Fatalf("%v", err)
	}
	got := map[string]string{}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("tacit: %v in %q", err, text)
		}
		got[e.Name] = string(e.Value.Reveal())
	}
	for _, w := range r.Warnings() {
		if name, _, ok := strings.Cut(w.Text, " has no value"); ok {
			got[name] = ""
		}
	}
	return got
}

// TestCommonDialect generates files in the dialect that both know: no '$' but within single quotes, no backslash but the
// escapes of double quotes.
func TestCommonDialect(t *testing.T) {
	key := rapid.StringMatching(`[A-Z][A-Z0-9_]{0,9}`)
	blank := rapid.StringMatching(`[ \t]{0,2}`)
	value := rapid.OneOf(
		rapid.StringMatching(`[A-Za-z0-9_./:@%+=-][A-Za-z0-9_./:@%+= -]{0,20}`),
		rapid.Map(rapid.StringMatching("[^'\\\\\r\x00]{0,20}"), func(s string) string { return "'" + s + "'" }),
		rapid.Map(rapid.StringMatching("([^\"\\\\$\r\x00]|\\\\[nrt\"]){0,20}"), func(s string) string { return `"` + s + `"` }),
	)
	line := rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 5).Draw(t, "kind") == 0 {
			return rapid.StringMatching(`([ \t]*#[^\n\r]*)?`).Draw(t, "comment")
		}
		export := rapid.SampledFrom([]string{"", "export "}).Draw(t, "export")
		comment := rapid.SampledFrom([]string{"", "", " # x"}).Draw(t, "inline")
		return export + key.Draw(t, "key") + "=" + value.Draw(t, "value") + blank.Draw(t, "blank") + comment
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(line, 1, 6).Draw(t, "lines"), "\n") + "\n"
		want, err := compose.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatalf("compose: %v in %q", err, text)
		}
		if got := ours(t, text); !maps.Equal(got, want) {
			t.Fatalf("%q\ntacit   %q\ncompose %q", text, got, want)
		}
	})
}

// composeCanHold reports whether Compose has a spelling of the value that a shell reads the same way.
func composeCanHold(s string) bool {
	switch {
	case strings.ContainsAny(s, "\x00\r"): // it makes LF of CRLF; no environment holds NUL
		return false
	case (strings.Contains(s, "'") || strings.HasSuffix(s, `\`)) && strings.ContainsAny(s, "`"): // within double quotes a shell wants \` and Compose keeps the backslash
		return false
	}
	return true
}

// TestComposeReadsExports: Compose finds in an export what was put there.
func TestComposeReadsExports(t *testing.T) {
	values := rapid.OneOf(
		rapid.StringN(1, 40, -1), rapid.StringOfN(rapid.RuneFrom([]rune("a1 '\"`#&;|=:@\n\t{}$\\")), 1, 40, -1),
	).Filter(composeCanHold)
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		w, err := transfer.NewWriter("env", &text, transfer.WriteOptions{Values: true, Export: rapid.Bool().Draw(t, "export")})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for i, v := range rapid.SliceOfN(values, 1, 5).Draw(t, "values") {
			name := fmt.Sprintf("app/key-%d", i)
			want[fmt.Sprintf("APP_KEY_%d", i)] = v
			if err := w.Write(keeper.Exported{Secret: client.Secret{Name: name, Scope: "global", Exposure: "readable"}, Value: secret.New([]byte(v))}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := compose.Parse(strings.NewReader(text.String()))
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("%v\nfrom %q\ngot  %q\nwant %q", err, text.String(), got, want)
		}
	})
}
