package remote_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/secret"
)

// A step is one call of an API. What it returns is compared between near and far.
type step struct {
	name string
	call func(ctx context.Context, api keeper.API, c keeper.Caller) (any, error)
	want fault.Code // empty: it succeeds
}

// steps go through every operation, and through every class of failure that a call can provoke.
func steps(now time.Time) []step {
	type (
		ctx    = context.Context
		caller = keeper.Caller
		api    = keeper.API
	)
	ref := func(name string) keeper.Ref { return keeper.Ref{Name: name} }
	soon, past := now.Add(48*time.Hour), now.Add(-time.Hour)
	day, text, none, yes := 24*time.Hour, "a note with ü and \"quotes\" <&>\n", "", true
	set := func(name string, r keeper.SetRequest, want fault.Code) step {
		return step{"set " + name, func(ctx ctx, a api, c caller) (any, error) {
			r := r
			if r.Via == "" {
				r.Via = "set"
			}
			if r.Name == "" {
				r.Name = name
			}
			r.Value = secret.New([]byte(string(r.Value.Reveal())))
			return a.Set(ctx, c, r)
		}, want}
	}
	get := func(name string, r keeper.GetRequest, want fault.Code) step {
		return step{"get " + name, func(ctx ctx, a api, c caller) (any, error) { return a.Get(ctx, c, r) }, want}
	}
	list := func(name string, r keeper.ListRequest, want fault.Code) step {
		return step{"list " + name, func(ctx ctx, a api, c caller) (any, error) { return a.List(ctx, c, r) }, want}
	}
	names := func(name string, r keeper.ListRequest, want fault.Code) step {
		return step{"names " + name, func(ctx ctx, a api, c caller) (any, error) {
			var all []string
			err := a.Names(ctx, c, r, func(n string) error { all = append(all, n); return nil })
			return all, err
		}, want}
	}
	update := func(name string, r keeper.UpdateRequest, want fault.Code) step {
		return step{"update " + name, func(ctx ctx, a api, c caller) (any, error) { return a.Update(ctx, c, r) }, want}
	}
	importing := func(name string, r keeper.ImportRequest, entries []keeper.ImportEntry, last error, want fault.Code) step {
		return step{"import " + name, func(ctx ctx, a api, c caller) (any, error) {
			left := entries
			return a.Import(ctx, c, r, func() (keeper.ImportEntry, error) {
				if len(left) == 0 {
					return keeper.ImportEntry{}, last
				}
				e := left[0]
				left = left[1:]
				e.Value = secret.New([]byte(string(e.Value.Reveal())))
				return e, nil
			})
		}, want}
	}
	return []step{
		{"status", func(ctx ctx, a api, c caller) (any, error) { return a.Status(ctx, c) }, ""},
		{"whoami", func(ctx ctx, a api, c caller) (any, error) { return a.Whoami(ctx, c) }, ""},
		{"whoami in a group", func(ctx ctx, a api, c caller) (any, error) {
			c.Workspace, c.Group = "web", "eu west/ü%2F\"\n"
			return a.Whoami(ctx, c)
		}, ""},

		set("db/password", keeper.SetRequest{Value: val("s3cr3t of sixteen bytes or more")}, ""),
		set("db/password", keeper.SetRequest{
			Value: val("second"), Tags: []string{"prod", "db"}, Aliases: []string{"dbpw"}, ExpiresAt: &soon, RotateEvery: &day, Note: &text, OwnedBy: &text,
		}, ""),
		set("binary", keeper.SetRequest{Value: val("\xff\xfe\x00binary")}, ""),
		set("text", keeper.SetRequest{Value: val("line\nline\t\"quoted\" \u2028 \x00 \x7f 💧")}, ""),
		set("json", keeper.SetRequest{Value: val(`{"a":{"b":"deep"},"n":1}`), Via: "edit"}, ""),
		set("old", keeper.SetRequest{Value: val("an expired value"), ExpiresAt: &past}, ""),
		set("sealed", keeper.SetRequest{Value: val("sealed value 1234"), Sealed: &yes, Service: "stripe"}, ""),
		set("empty", keeper.SetRequest{}, fault.Invalid),
		set("huge", keeper.SetRequest{Value: val(strings.Repeat("\x01", 64<<10+1))}, fault.Invalid),
		set("large", keeper.SetRequest{Value: val(strings.Repeat("\x01", 64<<10))}, ""),
		set("db/password", keeper.SetRequest{Value: val("x"), MustBeNew: true}, fault.Exists),
		set("sealed", keeper.SetRequest{Value: val("another value"), Service: "github"}, fault.Conflict),
		set("no service", keeper.SetRequest{Ref: ref("ns"), Value: val("12345678"), Sealed: &yes}, fault.Usage),
		set("bad name", keeper.SetRequest{Ref: ref("a b\n\x1b[31m"), Value: val("x")}, fault.Invalid),
		set("provider", keeper.SetRequest{Ref: keeper.Ref{Name: "a", Provider: "azure"}, Value: val("x")}, fault.Usage),
		set("scoped", keeper.SetRequest{Ref: keeper.Ref{Name: "db/password", Scope: "workspace/web"}, Value: val("in web")}, ""),
		set("alias taken", keeper.SetRequest{Ref: ref("other"), Value: val("x"), Aliases: []string{"dbpw"}}, fault.Exists),

		get("current", keeper.GetRequest{Ref: ref("db/password"), Door: "get"}, ""),
		get("by alias", keeper.GetRequest{Ref: ref("dbpw")}, ""),
		get("version", keeper.GetRequest{Ref: keeper.Ref{Name: "db/password", Version: 1}}, ""),
		get("previous", keeper.GetRequest{Ref: keeper.Ref{Name: "db/password", Version: keeper.Previous}}, ""),
		get("binary", keeper.GetRequest{Ref: ref("binary")}, ""),
		get("text", keeper.GetRequest{Ref: ref("text")}, ""),
		get("large", keeper.GetRequest{Ref: ref("large")}, ""),
		get("field", keeper.GetRequest{Ref: ref("json"), Field: "a.b"}, ""),
		get("no field", keeper.GetRequest{Ref: ref("json"), Field: "zz"}, fault.NotFound),
		get("missing", keeper.GetRequest{Ref: ref("db/missing")}, fault.NotFound),
		get("no version", keeper.GetRequest{Ref: keeper.Ref{Name: "db/password", Version: 77}}, fault.NotFound),
		get("expired", keeper.GetRequest{Ref: ref("old")}, fault.Expired),
		get("expired all the same", keeper.GetRequest{Ref: ref("old"), IncludeExpired: true}, ""),
		get("sealed", keeper.GetRequest{Ref: ref("sealed")}, fault.Sealed),
		get("bad name", keeper.GetRequest{Ref: ref("")}, fault.Invalid),
		get("bad scope", keeper.GetRequest{Ref: keeper.Ref{Name: "a", Scope: "nowhere/x"}}, fault.Invalid),
		{"get in a workspace", func(ctx ctx, a api, c caller) (any, error) {
			c.Workspace = "web"
			return a.Get(ctx, c, keeper.GetRequest{Ref: ref("db/password")})
		}, ""},
		{"get in a workspace that cannot be", func(ctx ctx, a api, c caller) (any, error) {
			c.Workspace = "a b/\n"
			return a.Get(ctx, c, keeper.GetRequest{Ref: ref("db/password")})
		}, fault.Invalid},

		{"get many", func(ctx ctx, a api, c caller) (any, error) {
			return getMany(ctx, a, c,
				keeper.GetRequest{Ref: ref("db/password"), Door: "run"}, keeper.GetRequest{Ref: ref("binary")}, keeper.GetRequest{Ref: ref("sealed")},
				keeper.GetRequest{Ref: ref("db/missing")}, keeper.GetRequest{Ref: ref("")}, keeper.GetRequest{Ref: ref("large")}, keeper.GetRequest{Ref: ref("old")},
				keeper.GetRequest{Ref: ref("json"), Field: "a.b"}, keeper.GetRequest{Ref: ref("json"), Field: "zz"}, keeper.GetRequest{Ref: ref("db/password")},
				keeper.GetRequest{Ref: keeper.Ref{Name: "db/password", Version: 1}}, keeper.GetRequest{Ref: keeper.Ref{Name: "a", Provider: "azure"}},
				keeper.GetRequest{Ref: ref("text"), IncludeExpired: true}, keeper.GetRequest{Ref: ref("dbpw")})
		}, ""},
		{"get very many", func(ctx ctx, a api, c caller) (any, error) {
			var rs []keeper.GetRequest
			for i := range 600 {
				rs = append(rs, keeper.GetRequest{Ref: ref([]string{"db/password", "large", "zz"}[i%3]), Door: strings.Repeat("x", i)})
			}
			return getMany(ctx, a, c, rs...)
		}, ""},
		{"get many in a workspace", func(ctx ctx, a api, c caller) (any, error) {
			c.Workspace = "web"
			return getMany(ctx, a, c, keeper.GetRequest{Ref: ref("db/password")}, keeper.GetRequest{Ref: ref("json")})
		}, ""},

		{"show", func(ctx ctx, a api, c caller) (any, error) { return a.Show(ctx, c, ref("large")) }, ""},
		{"show a version", func(ctx ctx, a api, c caller) (any, error) {
			return a.Show(ctx, c, keeper.Ref{Name: "db/password", Version: 1})
		}, ""},
		{"show missing", func(ctx ctx, a api, c caller) (any, error) { return a.Show(ctx, c, ref("nothing")) }, fault.NotFound},
		list("", keeper.ListRequest{}, ""),
		list("a pattern", keeper.ListRequest{Pattern: "db/*", Tags: []string{"prod"}}, ""),
		list("all scopes", keeper.ListRequest{AllScopes: true, IncludeExpired: true}, ""),
		list("one scope", keeper.ListRequest{Scope: "workspace/web"}, ""),
		list("nothing", keeper.ListRequest{Pattern: "zz"}, ""),
		list("a long pattern", keeper.ListRequest{Pattern: strings.Repeat("*", 600)}, fault.Invalid),
		names("", keeper.ListRequest{AllScopes: true}, ""),
		names("none", keeper.ListRequest{Pattern: "zz"}, ""),
		names("of another provider", keeper.ListRequest{Provider: "azure"}, fault.Usage),
		{"history", func(ctx ctx, a api, c caller) (any, error) { return a.History(ctx, c, ref("db/password")) }, ""},
		{"history missing", func(ctx ctx, a api, c caller) (any, error) { return a.History(ctx, c, ref("zz")) }, fault.NotFound},
		{"diff", func(ctx ctx, a api, c caller) (any, error) { return a.Diff(ctx, c, ref("db/password"), 1, 0) }, ""},
		{"diff back", func(ctx ctx, a api, c caller) (any, error) {
			return a.Diff(ctx, c, ref("db/password"), 0, keeper.Previous)
		}, ""},
		{"diff missing", func(ctx ctx, a api, c caller) (any, error) { return a.Diff(ctx, c, ref("db/password"), 1, 9) }, fault.NotFound},
		{"due", func(ctx ctx, a api, c caller) (any, error) { return a.Due(ctx, c, 14*24*time.Hour) }, ""},
		{"due now", func(ctx ctx, a api, c caller) (any, error) { return a.Due(ctx, c, 0) }, ""},

		{"rotate", func(ctx ctx, a api, c caller) (any, error) {
			return a.Rotate(ctx, c, keeper.RotateRequest{Ref: ref("db/password"), Value: val("third"), Overlap: day})
		}, ""},
		{"rotate and expire", func(ctx ctx, a api, c caller) (any, error) {
			return a.Rotate(ctx, c, keeper.RotateRequest{Ref: ref("db/password"), Value: val("\xfffourth"), ExpireOld: true})
		}, ""},
		{"rotate missing", func(ctx ctx, a api, c caller) (any, error) {
			return a.Rotate(ctx, c, keeper.RotateRequest{Ref: ref("zz"), Value: val("x")})
		}, fault.NotFound},
		{"rotate with an unknown kind", func(ctx ctx, a api, c caller) (any, error) {
			return a.Rotate(ctx, c, keeper.RotateRequest{Ref: ref("json"), Generate: &keeper.Generate{Kind: "zz", Length: 4}})
		}, fault.Usage},
		update("metadata", keeper.UpdateRequest{
			Ref: ref("db/password"), AddAliases: []string{"pw"}, AddTags: []string{"new"}, RemoveTags: []string{"db"}, NoExpiry: true, RotateEvery: &day, Note: &none,
		}, ""),
		update("more", keeper.UpdateRequest{Ref: ref("db/password"), ClearAliases: true, ExpiresAt: &soon, NoRotation: true, OwnedBy: &none}, ""),
		update("groups", keeper.UpdateRequest{Ref: keeper.Ref{Name: "db/password", Scope: "workspace/web"}, AttachGroups: []string{"eu", "us"}}, ""),
		update("groups back", keeper.UpdateRequest{Ref: keeper.Ref{Name: "db/password", Scope: "workspace/web"}, DetachGroups: []string{"us"}}, ""),
		update("groups of a global secret", keeper.UpdateRequest{Ref: ref("json"), AttachGroups: []string{"eu"}}, fault.Usage),
		update("to sealed", keeper.UpdateRequest{Ref: ref("large"), Seal: true, Service: "stripe"}, ""),
		update("missing", keeper.UpdateRequest{Ref: ref("zz"), Note: &text}, fault.NotFound),
		{"move", func(ctx ctx, a api, c caller) (any, error) { return a.Move(ctx, c, ref("text"), "text2") }, ""},
		{"move onto another", func(ctx ctx, a api, c caller) (any, error) { return a.Move(ctx, c, ref("text2"), "json") }, fault.Exists},
		{"move to a bad name", func(ctx ctx, a api, c caller) (any, error) { return a.Move(ctx, c, ref("text2"), "") }, fault.Invalid},
		{"rollback", func(ctx ctx, a api, c caller) (any, error) {
			return a.Rollback(ctx, c, keeper.Ref{Name: "db/password", Version: 1})
		}, ""},
		{"rollback to itself", func(ctx ctx, a api, c caller) (any, error) { return a.Rollback(ctx, c, ref("json")) }, fault.Conflict},
		{"purge", func(ctx ctx, a api, c caller) (any, error) { return a.Purge(ctx, c, ref("db/password"), []int{1, 2}) }, ""},
		{"purge the current one", func(ctx ctx, a api, c caller) (any, error) { return a.Purge(ctx, c, ref("json"), []int{1}) }, fault.Conflict},
		{"remove", func(ctx ctx, a api, c caller) (any, error) {
			return a.Remove(ctx, c, keeper.RemoveRequest{Names: []string{"binary", "old"}})
		}, ""},
		{"remove missing", func(ctx ctx, a api, c caller) (any, error) {
			return a.Remove(ctx, c, keeper.RemoveRequest{Names: []string{"json", "binary"}})
		}, fault.NotFound},

		importing("", keeper.ImportRequest{Format: "env"}, []keeper.ImportEntry{
			{Name: "i/one", From: "line 1", Value: val("one")},
			{
				Name: "i/two", RenamedFrom: "I_TWO", From: "line 2", Value: val("\xff\x00two"), Tags: []string{"t"}, Aliases: []string{"itwo"},
				ExpiresAt: &soon, RotateEvery: &day, Note: &text, OwnedBy: &text, Scope: "workspace/web",
			},
			{Name: "i/three", From: "line 3", Value: val("a sealed three"), Sealed: &yes, Service: "stripe"},
		}, io.EOF, ""),
		importing("versions", keeper.ImportRequest{Format: "env", OnConflict: "version"}, []keeper.ImportEntry{{Name: "i/one", Value: val("1")}}, io.EOF, ""),
		importing("a conflict", keeper.ImportRequest{}, []keeper.ImportEntry{{Name: "i/four", Value: val("4")}, {Name: "i/one", Value: val("1")}}, io.EOF, fault.Exists),
		importing("as a dry run", keeper.ImportRequest{DryRun: true, OnConflict: "skip"}, []keeper.ImportEntry{
			{Name: "i/one", Value: val("1")}, {Name: "bad name", From: "line 2", Value: val("1")}, {Name: "i/five", Invalid: "it is too long"},
		}, io.EOF, ""),
		importing("nothing", keeper.ImportRequest{}, nil, io.EOF, ""),
		importing("with an entry that cannot be", keeper.ImportRequest{}, []keeper.ImportEntry{{Name: "i/six", From: "line 1", Value: val("")}}, io.EOF, fault.Invalid),
		importing("with an unknown policy", keeper.ImportRequest{OnConflict: "zz"}, []keeper.ImportEntry{{Name: "i/six", Value: val("6")}}, io.EOF, fault.Usage),
		importing("that breaks off", keeper.ImportRequest{}, []keeper.ImportEntry{{Name: "i/seven", Value: val("7")}},
			fault.New(fault.Tampered, "the file was changed").WithFix("a way out").About("file"), fault.Tampered),
		get("what was not imported", keeper.GetRequest{Ref: ref("i/seven")}, fault.NotFound),
		list("what was imported", keeper.ListRequest{Pattern: "i/*", AllScopes: true}, ""),

		{"decide and record", func(ctx ctx, a api, c caller) (any, error) {
			d, err := a.Decide(ctx, c, keeper.DecideRequest{Action: "read", Provider: "env", Names: []string{"e/one", "e/two"}})
			if err != nil {
				return nil, err
			}
			outcomes := []keeper.Outcome{{Name: "e/one", Version: 3}, {Name: "e/two", Code: fault.Unavailable}}
			return d, a.Record(ctx, c, keeper.RecordRequest{ID: d.ID, Outcomes: outcomes})
		}, ""},
		{"decide to list", func(ctx ctx, a api, c caller) (any, error) {
			return a.Decide(ctx, c, keeper.DecideRequest{Action: "list", Provider: "kv"})
		}, ""},
		{"decide about the vault", func(ctx ctx, a api, c caller) (any, error) {
			return a.Decide(ctx, c, keeper.DecideRequest{Action: "read", Provider: "local", Names: []string{"a"}})
		}, fault.Invalid},
		{"record what was not decided", func(ctx ctx, a api, c caller) (any, error) {
			return nil, a.Record(ctx, c, keeper.RecordRequest{ID: "d_0", Outcomes: []keeper.Outcome{{Name: "a"}}})
		}, fault.Conflict},

		{"grant", func(ctx ctx, a api, c caller) (any, error) { return a.Grant(ctx, c, "agent/demo", "read ci/*") }, ""},
		{"grant again", func(ctx ctx, a api, c caller) (any, error) { return a.Grant(ctx, c, "agent/demo", "read ci/*") }, fault.Exists},
		{"grant nonsense", func(ctx ctx, a api, c caller) (any, error) { return a.Grant(ctx, c, "demo", "eat ci/*") }, fault.Invalid},
		{"grants", func(ctx ctx, a api, c caller) (any, error) { return a.GrantList(ctx, c) }, ""},
		{"policies", func(ctx ctx, a api, c caller) (any, error) { return a.PolicyShow(ctx, c) }, ""},
		{"set policies", func(ctx ctx, a api, c caller) (any, error) {
			return a.PolicySet(ctx, c, "// none <&> ü\n")
		}, ""},
		{"set policies that are none", func(ctx ctx, a api, c caller) (any, error) {
			return a.PolicySet(ctx, c, "permit everything;\n")
		}, fault.Invalid},
		{"explain", func(ctx ctx, a api, c caller) (any, error) {
			return a.PolicyExplain(ctx, c, keeper.ExplainRequest{Principal: "agent/demo", Action: "read", Object: "db/password", Workspace: "web", Group: "eu"})
		}, ""},
		{"explain nonsense", func(ctx ctx, a api, c caller) (any, error) {
			return a.PolicyExplain(ctx, c, keeper.ExplainRequest{Principal: "agent/demo", Action: "eat", Object: "db/password"})
		}, fault.Invalid},
		{"test policies", func(ctx ctx, a api, c caller) (any, error) {
			return a.PolicyTest(ctx, c, []byte("cases:\n  - {principal: agent/demo, action: read, object: ci/x, expect: allow}\n"))
		}, ""},
		{"test nonsense", func(ctx ctx, a api, c caller) (any, error) { return a.PolicyTest(ctx, c, []byte("cases: 7\n")) }, fault.Invalid},
		{"remove a grant that is not there", func(ctx ctx, a api, c caller) (any, error) { return a.GrantRemove(ctx, c, "grant-77") }, fault.NotFound},
		{"make a token", func(ctx ctx, a api, c caller) (any, error) {
			return a.TokenCreate(ctx, c, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read ci/*"}, ExpiresAt: &soon, Uses: 3, Workspace: "web", Group: "eu"})
		}, ""},
		{"make a token without a rule", func(ctx ctx, a api, c caller) (any, error) {
			return a.TokenCreate(ctx, c, keeper.TokenRequest{Principal: "agent/demo"})
		}, fault.Usage},
		{"tokens", func(ctx ctx, a api, c caller) (any, error) { return a.TokenList(ctx, c) }, ""},
		{"revoke tokens", func(ctx ctx, a api, c caller) (any, error) {
			out, err := a.TokenRevoke(ctx, c, "agent/demo")
			return out.Total, err
		}, ""},
		{"revoke a token that is not there", func(ctx ctx, a api, c caller) (any, error) { return a.TokenRevoke(ctx, c, "agent/nobody") }, fault.NotFound},

		{"audit", func(ctx ctx, a api, c caller) (any, error) {
			return a.Audit(ctx, c, keeper.AuditRequest{Limit: 20, Since: now.Add(-time.Hour), Principal: "user/ana"})
		}, ""},
		{"audit of failures", func(ctx ctx, a api, c caller) (any, error) {
			return a.Audit(ctx, c, keeper.AuditRequest{Secret: "db/missing", Failed: true})
		}, ""},
		{"audit of a bad name", func(ctx ctx, a api, c caller) (any, error) {
			return a.Audit(ctx, c, keeper.AuditRequest{Secret: "a b"})
		}, fault.Invalid},
		{"audit who", func(ctx ctx, a api, c caller) (any, error) { return a.AuditWho(ctx, c, ref("db/password")) }, ""},
		{"audit who missing", func(ctx ctx, a api, c caller) (any, error) { return a.AuditWho(ctx, c, ref("zz")) }, fault.NotFound},
		{"audit export", func(ctx ctx, a api, c caller) (any, error) {
			var all []client.AuditRecord
			err := a.AuditExport(ctx, c, keeper.AuditRequest{}, func(r client.AuditRecord) error { all = append(all, r); return nil })
			return all, err
		}, ""},
		{"audit follow", func(ctx ctx, a api, c caller) (any, error) {
			ctx, stop := context.WithCancel(ctx)
			defer stop()
			var all []client.AuditRecord
			err := a.AuditFollow(ctx, c, keeper.AuditRequest{Limit: 3}, func(r client.AuditRecord) error {
				if all = append(all, r); len(all) == 3 {
					stop()
				}
				return nil
			})
			if ctx.Err() != nil {
				err = nil // near may say so or not
			}
			return all, err
		}, ""},
		{"audit verify", func(ctx ctx, a api, c caller) (any, error) { return a.AuditVerify(ctx, c, keeper.AuditVerifyRequest{}) }, ""},
		{"audit verify from nonsense", func(ctx ctx, a api, c caller) (any, error) {
			return a.AuditVerify(ctx, c, keeper.AuditVerifyRequest{Checkpoint: []byte("nonsense")})
		}, fault.Invalid},
	}
}

// answered is a [keeper.Answer] with an error that can be compared.
type answered struct {
	keeper.Read
	Error, Code, Fix, Object string
}

func getMany(ctx context.Context, a keeper.API, c keeper.Caller, rs ...keeper.GetRequest) (all []answered, err error) {
	for _, got := range keeper.GetMany(ctx, a, c, rs) {
		one := answered{Read: got.Read}
		var f *fault.Error
		if errors.As(got.Err, &f) {
			one.Error, one.Code, one.Fix, one.Object = got.Err.Error(), string(f.Code), f.Fix, f.Object
		} else if got.Err != nil {
			return nil, got.Err
		}
		all = append(all, one)
	}
	return all, nil
}

// same compares two answers: values by their bytes, and what differs between two vaults not at all.
func same() cmp.Options {
	return cmp.Options{
		cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b secret.Value) bool { return string(a.Reveal()) == string(b.Reveal()) }),
		cmp.Comparer(func(a, b client.AuditObject) bool {
			if a.Kind == b.Kind && (a.Kind == "vault" || a.Kind == "token") {
				a.Name, b.Name = nil, nil // its id
			}
			return reflect.DeepEqual(a, b)
		}),
		cmp.FilterPath(func(p cmp.Path) bool {
			switch p.Last().String() {
			case ".ID", ".Head", ".PublicKey", ".Path", ".Token":
				return true
			}
			return false
		}, cmp.Ignore()),
	}
}

// TestNearAndFar runs the same calls on a keeper in this process, and on another one through a socket. Answers and errors are the
// same, to the byte that a command prints.
func TestNearAndFar(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	nearHome, farHome := newHome(t), newHome(t)
	a, b := keeper.API(nearHome.open()), keeper.API(dial(t, serve(t, farHome.open(), nil)))
	for _, s := range steps(nearHome.now) {
		got, gotErr := s.call(ctx, b, far)
		want, wantErr := s.call(ctx, a, near)
		if s.want != "" && !errors.Is(wantErr, s.want) || s.want == "" && wantErr != nil {
			t.Errorf("%s: near %v, want %q", s.name, wantErr, s.want)
		}
		compareErrors(t, s.name, gotErr, wantErr)
		if wantErr != nil {
			continue
		}
		if d := cmp.Diff(want, got, same()); d != "" {
			t.Errorf("%s: near (-) and far (+) differ:\n%s", s.name, d)
		}
	}
}

func compareErrors(t *testing.T, name string, got, want error) {
	t.Helper()
	if (got == nil) != (want == nil) {
		t.Errorf("%s: near %v, far %v", name, want, got)
		return
	}
	if want == nil {
		return
	}
	var g, w *fault.Error
	if !errors.As(got, &g) || !errors.As(want, &w) {
		t.Errorf("%s: near %T, far %T", name, want, got)
		return
	}
	if got.Error() != want.Error() || g.Code != w.Code || g.Fix != w.Fix || g.Object != w.Object || g.Unproven != w.Unproven {
		t.Errorf("%s: near and far say\n%q %s %q %q\n%q %s %q %q", name, want, w.Code, w.Fix, w.Object, got, g.Code, g.Fix, g.Object)
	}
}
