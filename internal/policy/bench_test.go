package policy

import (
	"fmt"
	"strings"
	"testing"
)

// P13: a decision with 1,000 rules takes 20 µs at most. Rules are spread as people write them, or stand all in one's way.
func BenchmarkDecide(b *testing.B) {
	grants := func(n int, principal func(i int) Principal, rule func(i int) string) []Grant {
		list := make([]Grant, n)
		for i := range list {
			list[i] = Grant{ID: fmt.Sprintf("grant-%d", i), Principal: principal(i), Rule: mustRule(b, rule(i))}
		}
		return list
	}
	bar := func(int) Principal { return "agent/bar" }
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "permit (principal == Agent::\"bar\", action == Action::\"read\", resource) when { resource.name like \"team%d/*\" };\n", i)
	}
	tagged := ask("agent/bar", Read, "team500/db")
	tagged.Object.Tags, tagged.Object.Scope = []string{"prod", "db"}, "workspace/web"
	for _, c := range []struct {
		name    string
		set     *Set
		request Request
		allow   bool
	}{
		{"1000 principals", mustCompile(b, "", grants(1000, func(i int) Principal { return Principal(fmt.Sprintf("agent/a%d", i)) },
			func(i int) string { return fmt.Sprintf("read team%d/*", i) })...), ask("agent/a500", Read, "team500/db"), true},
		{
			"one principal, 1000 names", mustCompile(b, "", grants(1000, bar, func(i int) string { return fmt.Sprintf("read team%d/db", i) })...),
			ask("agent/bar", Read, "team500/db"), true,
		},
		{
			"one principal, 1000 globs", mustCompile(b, "", grants(1000, bar, func(i int) string { return fmt.Sprintf("read team%d/*", i) })...),
			ask("agent/bar", Read, "team500/db"), true,
		},
		{"one principal, 1000 globs with conditions", mustCompile(b, "", grants(1000, bar, func(i int) string {
			return fmt.Sprintf("read team%d/* in workspace/web tagged prod", i)
		})...), tagged, true},
		{
			"one principal, 1000 globs, denied", mustCompile(b, "", grants(1000, bar, func(i int) string { return fmt.Sprintf("read team%d/*", i) })...),
			ask("agent/bar", Read, "prod/db"), false,
		},
		{
			"one principal, 1000 globs that begin with a star", mustCompile(b, "", grants(1000, bar, func(i int) string { return fmt.Sprintf("read */db%d", i) })...),
			ask("agent/bar", Read, "team500/db500"), true,
		},
		{"1000 policies that only their conditions tell apart", mustCompile(b, text.String()), ask("agent/bar", Read, "team500/db"), true},
		{
			"10 rules", mustCompile(b, "", grants(10, bar, func(i int) string { return fmt.Sprintf("read team%d/*", i) })...),
			ask("agent/bar", Read, "team5/db"), true,
		},
		{
			"1000 rules that all match", mustCompile(b, "", grants(1000, bar, func(int) string { return "read team500/*" })...),
			ask("agent/bar", Read, "team500/db"), true,
		},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := c.set.Decide(c.request); d.Allow != c.allow {
					b.Fatal(d)
				}
			}
		})
	}
}

// What a change of the policies costs: all are compiled anew.
func BenchmarkCompile(b *testing.B) {
	grants := make([]Grant, 1000)
	for i := range grants {
		grants[i] = Grant{ID: fmt.Sprintf("grant-%d", i), Principal: "agent/bar", Rule: mustRule(b, fmt.Sprintf("read team%d/* in workspace/web tagged prod", i))}
	}
	b.Run("1000 grants", func(b *testing.B) {
		for b.Loop() {
			mustCompile(b, "", grants...)
		}
	})
	b.Run("text", func(b *testing.B) {
		for b.Loop() {
			mustCompile(b, everyone)
		}
	})
}

// The time of a decision depends on the machine; what it allocates does not (P13).
func TestDecideAllocates(t *testing.T) {
	grants := make([]Grant, 1000)
	for i := range grants {
		grants[i] = Grant{ID: fmt.Sprintf("grant-%d", i), Principal: "agent/bar", Rule: mustRule(t, fmt.Sprintf("read team%d/*", i))}
	}
	s := mustCompile(t, "", grants...)
	for _, c := range []struct {
		object string
		most   float64
	}{{"team500/db", 25}, {"prod/db", 2}} {
		r := ask("agent/bar", Read, c.object)
		if n := testing.AllocsPerRun(100, func() { s.Decide(r) }); n > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.object, n, c.most)
		}
	}
}
