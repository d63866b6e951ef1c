package systemtest

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

// owner is who asks in every test.
var owner = keeper.Caller{Principal: "user/ana", Owner: true, Door: "cli", UID: 1000, PID: 77}

// home is the directory of a vault with one key-file slot, and keepers on it.
type home struct {
	dir   string
	bolt  bolt.Options
	trace func(phase string) // of the log
}

func (h home) layout() paths.Layout {
	return paths.New(func(k string) string { return map[string]string{"TACIT_DIR": h.dir}[k] }, "/nowhere")
}

// open returns a keeper as a new process would have it.
func (h home) open() *keeper.Keeper {
	l := h.layout()
	return keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, h.bolt), Random: rand.Reader, Version: "test", Now: time.Now, Trace: h.trace,
		Opener: &envelope.Opener{
			Getenv: func(string) string { return "" }, IdentityFiles: []string{l.Identity}, Random: rand.Reader, Now: time.Now, WorkFactor: 10,
		},
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, h.bolt, fill)
		},
	})
}

// with calls fn with a keeper that is closed afterwards.
func (h home) with(fn func(k *keeper.Keeper) error) error {
	k := h.open()
	return errors.Join(fn(k), k.Close())
}

// makeHome makes a vault below dir.
func makeHome(t testing.TB, dir string) home {
	t.Helper()
	h := home{dir: filepath.Join(dir, "tacit")}
	err := h.with(func(k *keeper.Keeper) error {
		_, err := k.Init(context.Background(), owner, []keeper.NewSlot{{Kind: "key-file", Path: h.layout().Identity}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ref(n string) keeper.Ref { return keeper.Ref{Name: n} }

func val(s string) secret.Value { return secret.New([]byte(s)) }

func setRequest(n, v string) keeper.SetRequest {
	return keeper.SetRequest{Ref: ref(n), Value: val(v), Via: "set"}
}

// healthy returns an error unless the vault opens, every record of it is good, nothing is missing and the log verifies.
// rotating says whether a root rotation waits to be resumed.
func healthy(ctx context.Context, k *keeper.Keeper) (rotating bool, err error) {
	d, err := k.Doctor(ctx, owner, keeper.DoctorRequest{})
	if err != nil {
		return false, err
	}
	var all []error
	checked := map[string]bool{}
	for _, c := range d.Checks {
		checked[c.Check] = checked[c.Check] || c.Status == "ok"
		if c.Status == "fail" {
			all = append(all, errors.New("doctor: "+c.Check+": "+c.Detail))
		}
		rotating = rotating || c.Check == "vault.rotation"
	}
	for _, want := range []string{"files.permissions", "vault.open", "vault.integrity", "audit.chain"} {
		if !checked[want] {
			all = append(all, errors.New("doctor did not find "+want+" in order"))
		}
	}
	return rotating, errors.Join(all...)
}
