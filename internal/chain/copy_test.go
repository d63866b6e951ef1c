package chain_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tacit/internal/chain"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// TestCopyOfSeveralScopes: a name that is there twice is not copied before somebody says which, and then that one is.
func TestCopyOfSeveralScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kv := w.store("kv", 10)
	for scope, value := range map[string]string{"global": "of all", "user/ana": "of ana"} {
		if _, err := w.k.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "db", Scope: scope}, Value: val(value), Via: "set"}); err != nil {
			t.Fatal(err)
		}
	}
	c := w.chain()
	_, err := c.Copy(t.Context(), owner, chain.CopyRequest{From: "local", To: "kv"})
	if !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "global") || !strings.Contains(err.Error(), "user/ana") || kv.written.Load() != 0 {
		t.Errorf("%v, %d written", err, kv.written.Load())
	}
	out, err := c.Copy(t.Context(), owner, chain.CopyRequest{From: "local", To: "kv", Scope: "global"})
	if err != nil || out.Counts.Create != 1 || !slices.Equal(kv.values["db"], []string{"of all"}) {
		t.Errorf("of all: %+v, %v, %q", out, err, kv.values)
	}
	out, err = c.Copy(t.Context(), owner, chain.CopyRequest{From: "local", To: "kv", Scope: "user/ana"})
	if !errors.Is(err, fault.Exists) || out.Total != 1 || out.Counts.Conflict != 1 {
		t.Errorf("in conflict: %+v, %v", out, err)
	}
	out, err = c.Copy(t.Context(), owner, chain.CopyRequest{From: "local", To: "kv", Scope: "user/ana", OnConflict: "version"})
	if err != nil || out.Counts.Version != 1 || !slices.Equal(kv.values["db"], []string{"of all", "of ana"}) {
		t.Errorf("of ana: %+v, %v, %q", out, err, kv.values)
	}
}
