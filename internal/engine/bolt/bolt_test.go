package bolt_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"tacit/internal/engine"
	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
)

var target = enginetest.Target{
	Create: func(t testing.TB) string { return newVault(t) },
	Open: func(path string, phase func(string)) (engine.Engine, error) {
		return bolt.Open(path, bolt.Options{Command: "tacit test", Trace: func(p bolt.Phase) { phase(string(p)) }}), nil
	},
}

func TestMain(m *testing.M) {
	jobs := platformJobs()
	jobs["flip"], jobs["hold"] = flipJob, holdJob
	os.Exit(enginetest.Main(m, target, jobs))
}

func TestEngine(t *testing.T) { enginetest.Run(t, target) }

// TestSharedEngine: the same promises for an engine whose views share lock, file and pages. (The children that write beside it are
// ordinary ones, as the command line is beside the agent.)
func TestSharedEngine(t *testing.T) {
	shared := target
	shared.Open = func(path string, phase func(string)) (engine.Engine, error) {
		e := bolt.Open(path, bolt.Options{Command: "tacit test", Share: true, Trace: func(p bolt.Phase) { phase(string(p)) }})
		t.Cleanup(func() { _ = e.Close() })
		return e, nil
	}
	enginetest.Run(t, shared)
}

// newVault makes an empty database in a directory of its own.
func newVault(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "vault")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "vault.db")
	if err := bolt.Create(context.Background(), path, bolt.Options{}, empty); err != nil {
		t.Fatal(err)
	}
	return path
}

func empty(func(key, value []byte) error) error { return nil }

func put(t testing.TB, path, key, value string) {
	t.Helper()
	b := &engine.Batch{}
	b.Put([]byte(key), []byte(value))
	if err := enginetest.Commit(context.Background(), bolt.Open(path, bolt.Options{}), b); err != nil {
		t.Fatal(err)
	}
}

// replaceBySelf replaces a database by its own content.
func replaceBySelf(t testing.TB, path string) {
	t.Helper()
	w, err := bolt.Open(path, bolt.Options{}).Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Replace(func(put func(k, v []byte) error) error { return w.Scan(nil, nil, put) }); err != nil {
		t.Fatal(err)
	}
}
