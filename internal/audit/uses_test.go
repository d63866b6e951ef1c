package audit

import "testing"

// TestUsesAreOneLine: the decision and the end of a use are one line in a query, in an export and in what is followed, whatever stands
// between them, also when the decision was a change because it counted on a token.
func TestUsesAreOneLine(t *testing.T) {
	t.Parallel()
	l := Open(testOptions(t))
	use := func(stage Stage) *Record {
		return &Record{
			Stage: stage, Principal: "agent/a", Action: "use", Object: Object{Kind: "capability", Name: "acme/things"}, Result: Allowed,
			Request: &Request{Method: "GET", Path: "/v1/things"}, Revision: 1,
		}
	}
	first, counted, other := use(Use), use(Intent), &Record{Stage: Intent, Principal: "agent/b", Action: "write", Result: Allowed, Revision: 1}
	add(t, l, first)
	add(t, l, counted, other)
	add(t, l, &Record{Stage: Outcome, Of: other.Seq, Revision: 1, Result: Allowed, Principal: "agent/b", Action: "write"})
	end := func(of uint64, status int, result Result) {
		r := use(Ended)
		r.Of, r.Result, r.Request.Status = of, result, status
		add(t, l, r)
	}
	end(counted.Seq, 502, Failed)
	end(first.Seq, 200, Allowed)

	check := func(how string, lines []Record) {
		t.Helper()
		got := map[string]int{}
		for _, r := range lines {
			status := 0
			if r.Request != nil {
				status = r.Request.Status
			}
			got[r.Principal+" "+string(r.Result)] = status
		}
		if len(lines) != 3 || got["agent/a allowed"] != 200 || got["agent/a failed"] != 502 || got["agent/b allowed"] != 0 {
			t.Errorf("%s: %d lines, %v", how, len(lines), got)
		}
	}
	found, err := l.Query(t.Context(), Query{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("query", found.Lines)
	var lines []Record
	if err := l.Lines(t.Context(), Query{}, nil, func(r Record) error { lines = append(lines, r); return nil }); err != nil {
		t.Fatal(err)
	}
	check("export", lines)
}
