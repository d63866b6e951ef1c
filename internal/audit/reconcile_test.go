package audit

import (
	"errors"
	"testing"

	"tacit/internal/fault"
)

func TestReconcile(t *testing.T) {
	t.Parallel()
	type outcome struct {
		of     uint64
		result Result
		reason string
	}
	intent := func(revision uint64) *Record { return &Record{Stage: Intent, Revision: revision, Result: Allowed} }
	done := func(revision, of uint64, result Result) *Record {
		return &Record{Stage: Outcome, Revision: revision, Of: of, Result: result}
	}
	alone := func(revision uint64) *Record { return &Record{Revision: revision, Result: Allowed} }
	tests := []struct {
		name                      string
		last                      *Record
		seq                       uint64
		anchorSeq, anchorRevision uint64
		want                      *outcome
		err                       error
	}{
		{"a new vault and no log", nil, 0, 0, 0, nil, nil},
		{"the log was removed", nil, 0, 1, 1, nil, fault.Tampered},
		{"the log was cut before the anchor", alone(7), 40, 41, 7, nil, fault.Tampered},
		{"the log was cut, and the vault is older too", done(9, 39, Allowed), 40, 41, 7, nil, fault.Tampered},
		{"a read is last", alone(7), 50, 41, 7, nil, nil},
		{"an outcome is last", done(7, 41, Allowed), 42, 41, 7, nil, nil},
		{"committed, and the outcome was lost", intent(7), 41, 41, 7, nil, nil},
		{"aborted", intent(8), 50, 41, 7, &outcome{50, Failed, Aborted}, nil},
		{"the first change of all was aborted", intent(1), 1, 0, 0, &outcome{1, Failed, Aborted}, nil},
		{"aborted again after an aborted one", intent(8), 52, 41, 7, &outcome{52, Failed, Aborted}, nil},
		{"an aborted change was settled before", done(7, 50, Failed), 51, 41, 7, nil, nil},
		{"the commit failed and the writer said so", done(7, 50, Failed), 51, 41, 7, nil, nil},
		{"the commit failed, the writer said so, and it happened after all", done(7, 50, Failed), 51, 50, 8, &outcome{50, Allowed, ""}, nil},
		{"put back by one, outcome there", done(8, 50, Allowed), 51, 41, 7, nil, fault.RolledBack},
		{"put back by one, read after it", alone(8), 52, 41, 7, nil, fault.RolledBack},
		{"put back by two, intent last", intent(9), 52, 41, 7, nil, fault.RolledBack},
		{"put back by two, a failed change last", done(9, 52, Failed), 53, 41, 7, nil, fault.RolledBack},
		{"put back by many", alone(100), 900, 41, 7, nil, fault.RolledBack},
		{"put back to a failed change at one more", done(8, 50, Failed), 51, 41, 7, nil, fault.RolledBack},
		{"many commits under one intent", intent(7), 41, 41, 95, nil, nil},
		{"an older failed change is not the anchor's", done(7, 30, Failed), 51, 50, 8, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Reconcile(tt.last, tt.seq, tt.anchorSeq, tt.anchorRevision)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("%v, want %v", err, tt.err)
			}
			var e *fault.Error
			if errors.As(err, &e) && e.Fix == "" {
				t.Error("no way out")
			}
			if (got != nil) != (tt.want != nil) {
				t.Fatalf("%+v, want %+v", got, tt.want)
			}
			if got == nil {
				return
			}
			if got.Stage != Outcome || got.Revision != tt.anchorRevision || (outcome{got.Of, got.Result, got.Reason}) != *tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
			// What was settled is settled: asked again behind the outcome, the answer is fine.
			if again, err := Reconcile(got, tt.seq+1, tt.anchorSeq, tt.anchorRevision); again != nil || err != nil {
				t.Errorf("again: %+v, %v", again, err)
			}
		})
	}
}
