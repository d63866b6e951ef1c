package policy

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

func TestTokenText(t *testing.T) {
	t.Parallel()
	text, id, hash, err := NewToken(bytes.NewReader(make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	const want = "tacit_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaagigvlkg" // 256 zero bits, CRC-32 190a55ad
	if got := string(text.Reveal()); got[:40] != want[:40] || len(got) != tokenText || id != "t_aaaaaaaaaaaaaaaa" {
		t.Errorf("%s, %s", got, id)
	}
	if hash != sha256.Sum256(text.Reveal()) {
		t.Error("the hash is not that of the text")
	}
	if got := fmt.Sprintf("%v %s %+v", text, text, text); strings.Contains(got, "tacit_") {
		t.Errorf("a token can be printed by accident: %s", got)
	}
	if _, _, _, err := NewToken(bytes.NewReader(make([]byte, 41))); err == nil {
		t.Error("a token with too little randomness")
	}

	seen := map[string]bool{}
	for range 100 {
		text, id, hash, err := NewToken(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := HashToken(text); err != nil || got != hash {
			t.Fatalf("%v, %v", got, err)
		}
		if seen[id] || seen[string(text.Reveal())] {
			t.Fatal("twice the same")
		}
		seen[id], seen[string(text.Reveal())] = true, true
	}
}

// A damaged token is told from an unknown one: any one character changed, two neighbours swapped, any end cut off, anything added.
func TestTokenDamageIsTold(t *testing.T) {
	t.Parallel()
	value, _, _, err := NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := string(value.Reveal())
	refuse := func(damaged string) {
		t.Helper()
		if damaged == text {
			return
		}
		_, err := HashToken(secret.New([]byte(damaged)))
		if !errors.Is(err, fault.Denied) {
			t.Fatalf("%q for %q: %v", damaged, text, err)
		}
		if len(damaged) > 12 && strings.Contains(err.Error(), damaged[6:12]) {
			t.Fatalf("the error quotes the token: %v", err)
		}
	}
	for i := range text {
		refuse(text[:i])
		refuse(text[i:])
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567018_ABC=\x00é" {
			refuse(text[:i] + string(c) + text[i+1:])
			refuse(text[:i] + string(c) + text[i:])
		}
		if i > 0 {
			refuse(text[:i-1] + text[i:i+1] + text[i-1:i] + text[i+1:])
		}
	}
	for _, s := range []string{" " + text, text + "\n", strings.ToUpper(text), text + text, ""} {
		refuse(s)
	}
}

func FuzzToken(f *testing.F) {
	for range 3 {
		text, _, _, err := NewToken(rand.Reader)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text.Reveal())
	}
	f.Add([]byte("tacit_"))
	f.Fuzz(func(t *testing.T, text []byte) {
		hash, err := HashToken(secret.New(text))
		if (err == nil) == (hash == TokenHash{}) || err != nil && !errors.Is(err, fault.Denied) {
			t.Fatalf("%v, %v", hash, err)
		}
	})
}

func TestTokenRecord(t *testing.T) {
	t.Parallel()
	full := Token{
		ID: "t_1", Hash: sha256.Sum256([]byte("x")), Principal: "agent/demo", Rules: mustRules(t, "read ci/*", "use openai/* in workspace/w"),
		Workspace: "w", Group: "g", CreatedAt: noon, CreatedBy: "user/ana", ExpiresAt: noon.Add(time.Hour), Limited: true, UsesLeft: 0,
		Parent: "t_0", RevokedAt: noon.Add(time.Minute), LastUsedAt: noon.Add(time.Second),
	}
	for _, want := range []Token{full, {ID: "t_2", Principal: "user/ana", CreatedAt: noon}} {
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeToken(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b Rule) bool { return a.String() == b.String() })); d != "" {
			t.Error(d)
		}
		for i := range b {
			if _, err := DecodeToken(b[:i]); !errors.Is(err, fault.Corrupted) {
				t.Errorf("cut at %d: %v", i, err)
			}
		}
	}
	bad := full
	bad.Principal = "robot/x"
	if b, err := bad.Encode(); err != nil {
		t.Error(err)
	} else if _, err := DecodeToken(b); !errors.Is(err, fault.Corrupted) {
		t.Errorf("a record of nobody: %v", err)
	}
}

func FuzzTokenRecord(f *testing.F) {
	b, err := Token{ID: "t_1", Principal: "agent/demo", Rules: mustRules(f, "read ci/*"), CreatedAt: noon, Limited: true, UsesLeft: 3}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		token, err := DecodeToken(b)
		if err != nil {
			if !errors.Is(err, fault.Corrupted) {
				t.Fatal(err)
			}
			return
		}
		if _, err := ParsePrincipal(string(token.Principal)); err != nil {
			t.Fatal(err)
		}
		again, err := token.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeToken(again); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTokenState(t *testing.T) {
	t.Parallel()
	hour := noon.Add(time.Hour)
	for _, c := range []struct {
		name  string
		token Token
		want  State
	}{
		{"no end", Token{}, Active},
		{"not yet", Token{ExpiresAt: noon.Add(time.Nanosecond)}, Active},
		{"on the dot", Token{ExpiresAt: noon}, Expired},
		{"one use", Token{Limited: true, UsesLeft: 1}, Active},
		{"no use", Token{Limited: true}, UsedUp},
		{"below none", Token{Limited: true, UsesLeft: -1}, UsedUp},
		{"revoked", Token{RevokedAt: noon, ExpiresAt: hour}, Revoked},
		{"revoked and expired", Token{RevokedAt: noon, ExpiresAt: noon}, Revoked},
		{"revoked by a clock that is ahead", Token{RevokedAt: hour}, Revoked},
	} {
		if got := c.token.State(noon); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// family returns a chain: child, parent, and the token that the owner made.
func family(t rapid.TB) Chain {
	return Chain{
		{ID: "t_3", Principal: "agent/demo", Rules: mustRules(t, "read ci/one", "read prod/db", "use openai/*"), Parent: "t_2", Workspace: "w"},
		{ID: "t_2", Principal: "agent/demo", Rules: mustRules(t, "read ci/*", "list **"), Parent: "t_1", Workspace: "w"},
		{ID: "t_1", Principal: "agent/demo", Rules: mustRules(t, "read **", "list **", "use openai/models"), Workspace: "w", Group: "g"},
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	c := family(t)
	if s := c.State(noon); s != Active {
		t.Fatal(s)
	}
	for _, q := range []struct {
		action Action
		object string
		want   bool
	}{
		{Read, "ci/one", true},
		{Read, "ci/two", false},       // the parent has it, the child does not
		{Read, "prod/db", false},      // the child has it, its parent does not
		{Use, "openai/models", false}, // child and grandparent have it, the parent does not
		{List, "ci/one", false},
	} {
		if got := c.Permits(q.action, ask("agent/demo", q.action, q.object).Object); got != q.want {
			t.Errorf("%s %s: %v", q.action, q.object, got)
		}
	}
	for name, change := range map[string]func(Chain) Chain{
		"empty":                  func(Chain) Chain { return nil },
		"the parent is gone":     func(c Chain) Chain { return c[:1] },
		"the owner's is gone":    func(c Chain) Chain { return c[:2] },
		"one is left out":        func(c Chain) Chain { return Chain{c[0], c[2]} },
		"the wrong order":        func(c Chain) Chain { return Chain{c[1], c[0], c[2]} },
		"another parent":         func(c Chain) Chain { c[1].ID = "t_9"; return c },
		"another principal":      func(c Chain) Chain { c[0].Principal = "agent/other"; return c },
		"no principal":           func(c Chain) Chain { c[2].Principal = ""; return c },
		"another workspace":      func(c Chain) Chain { c[0].Workspace = "x"; return c },
		"a workspace of its own": func(c Chain) Chain { c[2].Workspace, c[2].Group, c[1].Workspace = "", "", ""; return c },
		"a group of its own":     func(c Chain) Chain { c[0].Group = "h"; return c },
		"a group without place":  func(c Chain) Chain { c[0].Workspace, c[0].Group = "", "g"; return c },
		"its own parent":         func(c Chain) Chain { c[2].Parent = "t_1"; return c },
		"no ids":                 func(c Chain) Chain { c[0].Parent, c[1].ID = "", ""; return c },
	} {
		c := change(family(t))
		if s := c.State(noon); s != Revoked {
			t.Errorf("%s: %s", name, s)
		}
		if c.Permits(Read, ask("agent/demo", Read, "ci/one").Object) {
			t.Errorf("%s: permits", name)
		}
		if _, err := c.Use(noon); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: can be used: %v", name, err)
		}
	}
}

// I18: a child dies with any of its parents, in the same way.
func TestI18AChildDiesWithItsParent(t *testing.T) {
	t.Parallel()
	for i := range 3 {
		for want, kill := range map[State]func(*Token){
			Revoked: func(t *Token) { t.RevokedAt = noon },
			Expired: func(t *Token) { t.ExpiresAt = noon },
			UsedUp:  func(t *Token) { t.Limited = true },
		} {
			c := family(t)
			kill(&c[i])
			if s := c.State(noon); s != want {
				t.Errorf("token %d %s: the chain is %s", i, want, s)
			}
			r := ask("agent/demo", Read, "ci/one")
			r.Context.Workspace = "w"
			if d := mustCompile(t, "permit (principal, action, resource);").Authorize(c, r); d.Allow {
				t.Errorf("token %d %s: %+v", i, want, d)
			}
		}
	}
}

// Children do not multiply their parent's uses.
func TestUsesCountForEachTokenOfTheChain(t *testing.T) {
	t.Parallel()
	c := family(t)
	c[2].Limited, c[2].UsesLeft = true, 3
	c[0].Limited, c[0].UsesLeft = true, 100
	for range 3 {
		next, err := c.Use(noon)
		if err != nil {
			t.Fatal(err)
		}
		if next[0].UsesLeft != c[0].UsesLeft-1 || next[2].UsesLeft != c[2].UsesLeft-1 || next[1].Limited || next[1].LastUsedAt != noon {
			t.Fatalf("%+v", next)
		}
		c = next
	}
	if _, err := c.Use(noon); !errors.Is(err, fault.Denied) || !strings.Contains(err.Error(), "used up") {
		t.Error(err)
	}
	if c[0].UsesLeft != 97 {
		t.Error("a refused use counts")
	}
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `@id("closed") forbid (principal, action, resource in Glob::"ci/closed");
@id("broken") forbid (principal, action, resource in Glob::"ci/broken") when { context.uid + 9223372036854775807 > 0 };`,
		Grant{ID: "grant-1", Principal: "agent/demo", Rule: mustRule(t, "write ci/*")})
	owners := Chain{{ID: "t_1", Principal: "agent/demo", Rules: mustRules(t, "read ci/*")}}
	child := append(Chain{{ID: "t_2", Principal: "agent/demo", Rules: mustRules(t, "read ci/one", "write ci/one", "read prod/db"), Parent: "t_1"}}, owners...)
	elsewhere := ask("agent/demo", Read, "ci/one")
	elsewhere.Context.Workspace = "w"
	for _, c := range []struct {
		name    string
		chain   Chain
		request Request
		want    string
	}{
		{"what the token permits", owners, ask("agent/demo", Read, "ci/one"), "true [t_1] allowed by token t_1"},
		{"what policy permits its principal", owners, ask("agent/demo", Write, "ci/one"), "true [grant-1] allowed by grant-1"},
		{"neither", owners, ask("agent/demo", Read, "prod/db"), "false [] no rule matched"},
		{"forbidden", owners, ask("agent/demo", Read, "ci/closed"), "false [closed] forbidden by closed"},
		{"a forbid that fails", owners, ask("agent/demo", Read, "ci/broken"), "false [broken] broken could not be evaluated"},
		{"a child, by the token", child, ask("agent/demo", Read, "ci/one"), "true [t_1] allowed by token t_1"},
		{"a child, by policy", child, ask("agent/demo", Write, "ci/one"), "true [grant-1] allowed by grant-1"},
		{"a child has less", child, ask("agent/demo", Read, "ci/two"), "false [t_2] not among the rules of token t_2"},
		{"a child has less than policy", child, ask("agent/demo", Write, "ci/two"), "false [t_2] not among the rules of token t_2"},
		{"a child has no more", child, ask("agent/demo", Read, "prod/db"), "false [] no rule matched"},
		{"another principal", owners, ask("agent/other", Read, "ci/one"), "false [] the token is another principal's"},
		{"another workspace", owners, elsewhere, "false [] the token is not in that workspace or group"},
		{"no token", nil, ask("agent/demo", Write, "ci/one"), "false [] the token is revoked"},
		{"no sense", owners, Request{Principal: "agent/demo", Action: Use, Object: Object{Kind: Secret}, Context: Context{Time: noon}}, "false [] the action does not apply to this kind of object"},
	} {
		d := s.Authorize(c.chain, c.request)
		if got := fmt.Sprintf("%v %v %s", d.Allow, d.Rules, d.Reason); got != c.want {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
	if d := (*Set)(nil).Authorize(owners, ask("agent/demo", Write, "ci/one")); d.Allow {
		t.Error("no policies, but what only policy permits is allowed")
	}
}

// A token never permits what the one that made it does not, whatever its record says.
func TestAChildNeverHasMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := func(label string) []Rule { return rapid.SliceOfN(anyRule(), 0, 4).Draw(t, label) }
		parent := Chain{{ID: "t_1", Principal: "agent/bar", Rules: rules("parent")}}
		child := Token{ID: "t_2", Principal: "agent/bar", Rules: rules("child"), Parent: "t_1"}
		var grants []Grant
		for i, r := range rules("grants") {
			grants = append(grants, Grant{ID: fmt.Sprintf("grant-%d", i), Principal: "agent/bar", Rule: r})
		}
		s := mustCompile(t, everyone, grants...)
		r := anyRequest().Draw(t, "request")
		r.Principal = "agent/bar"
		chain := append(Chain{child}, parent...)
		whole, own := s.Authorize(parent, r), s.Authorize(chain, r)
		if own.Allow && (!whole.Allow || !child.Permits(r.Action, r.Object)) {
			t.Fatalf("child %+v\nparent %+v", own, whole)
		}
		// The friendly check lets nothing through that would be less than it says.
		if parent.CheckChild(child, s.Held("agent/bar"), noon) == nil && child.Permits(r.Action, r.Object) && !whole.Forbidden && !own.Allow {
			t.Fatalf("the check passed, but %+v", own)
		}
	})
}

func TestCheckChild(t *testing.T) {
	t.Parallel()
	maker := Chain{{ID: "t_1", Principal: "agent/demo", Rules: mustRules(t, "read ci/*", "use openai/**"), Workspace: "w", Group: "g"}}
	held := mustRules(t, "list **")
	child := func(change func(*Token)) Token {
		c := Token{ID: "t_2", Principal: "agent/demo", Parent: "t_1", Rules: mustRules(t, "read ci/one", "list prod/*", "use openai/chat*"), Workspace: "w", Group: "g"}
		if change != nil {
			change(&c)
		}
		return c
	}
	for name, c := range map[string]struct {
		child Token
		want  string
	}{
		"less":              {child(nil), ""},
		"no place":          {child(func(t *Token) { t.Workspace, t.Group = "", "" }), ""},
		"no group":          {child(func(t *Token) { t.Group = "" }), ""},
		"more":              {child(func(c *Token) { c.Rules = mustRules(t, "read ci/one", "read prod/db") }), "it has no rule that covers 'read prod/db'"},
		"wider":             {child(func(c *Token) { c.Rules = mustRules(t, "read ci/**") }), "covers 'read ci/**'"},
		"nothing":           {child(func(c *Token) { c.Rules = nil }), "the new one has no rule"},
		"another principal": {child(func(c *Token) { c.Principal = "agent/other" }), "it is agent/demo, not agent/other"},
		"another workspace": {child(func(c *Token) { c.Workspace = "x" }), "not in that workspace"},
		"another group":     {child(func(c *Token) { c.Group = "h" }), "not in that workspace or group"},
		"another parent":    {child(func(c *Token) { c.Parent = "" }), "its maker is not t_1"},
	} {
		err := maker.CheckChild(c.child, held, noon)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, fault.Denied) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := Chain{{ID: "t_1", Principal: "agent/demo", Rules: mustRules(t, "read **")}}
	for i := 2; i <= MaxChain; i++ {
		next := Token{ID: fmt.Sprintf("t_%d", i), Principal: "agent/demo", Parent: long[0].ID, Rules: mustRules(t, "read **")}
		if err := long.CheckChild(next, nil, noon); err != nil {
			t.Fatal(err)
		}
		long = append(Chain{next}, long...)
	}
	next := Token{ID: "t_x", Principal: "agent/demo", Parent: long[0].ID, Rules: mustRules(t, "read **")}
	if err := long.CheckChild(next, nil, noon); !errors.Is(err, fault.Denied) || long.State(noon) != Active {
		t.Errorf("a chain that is too long: %v", err)
	}
	if s := append(Chain{next}, long...).State(noon); s != Revoked {
		t.Errorf("a chain that is too long is %s", s)
	}
	maker[0].RevokedAt = noon
	if err := maker.CheckChild(child(nil), held, noon); !errors.Is(err, fault.Denied) {
		t.Errorf("a revoked maker: %v", err)
	}
	// What a grandparent's grants gave, its child did not get.
	chain := Chain{{ID: "t_2", Principal: "agent/demo", Rules: mustRules(t, "read ci/*"), Parent: "t_1"}, {ID: "t_1", Principal: "agent/demo", Rules: mustRules(t, "read **")}}
	grandchild := Token{ID: "t_3", Principal: "agent/demo", Parent: "t_2", Rules: mustRules(t, "list a")}
	if err := chain.CheckChild(grandchild, held, noon); !errors.Is(err, fault.Denied) {
		t.Errorf("grants reach over a child: %v", err)
	}
}
