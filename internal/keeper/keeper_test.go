package keeper_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/engine/bolt"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

const passphrase = "correct horse battery"

var owner = keeper.Caller{Principal: "user/ana", Owner: true, Door: "cli", UID: 1000, PID: 77}

// home is a directory with a vault in it.
type home struct {
	t   testing.TB
	dir string
	now time.Time
}

func newHome(t testing.TB) *home {
	t.Helper()
	h := &home{t: t, dir: filepath.Join(t.TempDir(), "tacit"), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	k := h.open()
	if _, err := k.Init(context.Background(), owner, []keeper.NewSlot{{Kind: "passphrase", Passphrase: val(passphrase)}}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *home) layout() paths.Layout {
	return paths.New(func(k string) string { return map[string]string{"TACIT_DIR": h.dir}[k] }, "/nowhere")
}

// open returns a keeper as a new process would have it.
func (h *home) open() *keeper.Keeper {
	h.t.Helper()
	l := h.layout()
	k := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{Command: "tacit test"}), Random: rand.Reader, Version: "test",
		Now: func() time.Time { return h.now },
		Opener: &envelope.Opener{
			Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": passphrase}[k] },
			Random: rand.Reader, Now: func() time.Time { return h.now }, WorkFactor: 10,
		},
		Create: func(ctx context.Context, fill func(put func(key, value []byte) error) error) error {
			return bolt.Create(ctx, l.Vault, bolt.Options{}, fill)
		},
	})
	h.t.Cleanup(func() { _ = k.Close() })
	return k
}

func val(s string) secret.Value { return secret.New([]byte(s)) }

func set(t testing.TB, k *keeper.Keeper, n, v string) client.Secret {
	t.Helper()
	w, err := k.Set(context.Background(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: n}, Value: val(v), Via: "set"})
	if err != nil {
		t.Fatalf("set %s: %v", n, err)
	}
	return w.Secret
}

func get(k *keeper.Keeper, n string) (string, error) {
	r, err := k.Get(context.Background(), owner, keeper.GetRequest{Ref: keeper.Ref{Name: n}})
	return string(r.Value.Reveal()), err
}

func mustGet(t testing.TB, k *keeper.Keeper, n, want string) {
	t.Helper()
	if got, err := get(k, n); err != nil || got != want {
		t.Fatalf("%s = %q, %v; want %q", n, got, err, want)
	}
}

func lines(t testing.TB, k *keeper.Keeper, r keeper.AuditRequest) []client.AuditRecord {
	t.Helper()
	a, err := k.Audit(context.Background(), owner, r)
	if err != nil {
		t.Fatal(err)
	}
	return a.Records
}

// copyTree copies a directory as an attacker with its files would.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	_ = filepath.Walk(to, func(p string, i os.FileInfo, err error) error {
		mode := os.FileMode(0o600)
		if err == nil && i.IsDir() {
			mode = 0o700
		}
		return os.Chmod(p, mode)
	})
}

// TestI16EveryDecisionIsRecorded does one of everything and finds a line for each, failures too.
func TestI16EveryDecisionIsRecorded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "first value")
	set(t, k, "a", "second value")
	mustGet(t, k, "a", "second value")
	ref := keeper.Ref{Name: "a"}
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := k.Show(ctx, owner, ref)
	check("show", err)
	_, err = k.List(ctx, owner, keeper.ListRequest{})
	check("list", err)
	_, err = k.Rotate(ctx, owner, keeper.RotateRequest{Ref: ref, Generate: &keeper.Generate{}, Overlap: time.Hour})
	check("rotate", err)
	_, err = k.Update(ctx, owner, keeper.UpdateRequest{Ref: ref, AddTags: []string{"prod"}})
	check("update", err)
	_, err = k.Move(ctx, owner, ref, "b")
	check("move", err)
	ref.Name = "b"
	_, err = k.Rollback(ctx, owner, keeper.Ref{Name: "b", Version: 1})
	check("rollback", err)
	mustGet(t, k, "b", "first value")
	_, err = k.Purge(ctx, owner, ref, []int{2})
	check("purge", err)
	_, err = k.Diff(ctx, owner, ref, 1, 4)
	check("diff", err)
	if _, err := get(k, "missing"); !errors.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	_, err = k.Remove(ctx, owner, keeper.RemoveRequest{Names: []string{"b"}})
	check("rm", err)
	var got []string
	for _, r := range lines(t, k, keeper.AuditRequest{}) {
		n := ""
		if r.Object.Name != nil {
			n = *r.Object.Name
		}
		if r.Object.Kind == "vault" {
			n = "vault"
		}
		got = append(got, r.Action+" "+n+" "+r.Result)
	}
	want := "admin vault allowed|write a allowed|write a allowed|read a allowed|list a allowed|list vault allowed|rotate a allowed|write a allowed|" +
		"write a allowed|write b allowed|read b allowed|delete b allowed|list b allowed|read missing failed|delete b allowed"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("recorded:\n%s\nwant:\n%s", s, want)
	}
	v, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{})
	if err != nil || !v.OK {
		t.Fatalf("verify: %+v, %v", v, err)
	}
}

// TestI16NothingWithoutARecord makes the log unwritable: neither a read nor a change may happen.
func TestI16NothingWithoutARecord(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "the value")
	// A directory where the segment should be: no open for writing succeeds, whatever the uid.
	log := filepath.Join(h.layout().Audit, "000001.log")
	if err := os.Rename(log, log+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(log, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := get(k, "a"); err == nil || got != "" {
		t.Errorf("read without a record: %q, %v", got, err)
	}
	if _, err := k.Set(ctx, owner, keeper.SetRequest{Ref: keeper.Ref{Name: "b"}, Value: val("value b"), Via: "set"}); err == nil {
		t.Error("a change without a record")
	}
	if err := errors.Join(os.Remove(log), os.Rename(log+".away", log)); err != nil {
		t.Fatal(err)
	}
	if _, err := get(k, "b"); !errors.Is(err, fault.NotFound) {
		t.Errorf("the refused change happened: %v", err)
	}
	mustGet(t, k, "a", "the value")
}

// TestI17OlderVaultBesideNewerLog puts the vault file back by one change, and by several: refused, both ways of use.
func TestI17OlderVaultBesideNewerLog(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "first value")
	one, err := os.ReadFile(h.layout().Vault)
	if err != nil {
		t.Fatal(err)
	}
	set(t, k, "a", "second value")
	two, err := os.ReadFile(h.layout().Vault)
	if err != nil {
		t.Fatal(err)
	}
	for name, back := range map[string][]byte{"one change": one} {
		if err := os.WriteFile(h.layout().Vault, back, 0o600); err != nil {
			t.Fatal(err)
		}
		k := h.open()
		if got, err := get(k, "a"); !errors.Is(err, fault.RolledBack) {
			t.Errorf("%s: get = %q, %v", name, got, err)
		}
		if _, err := k.Set(ctx, owner, keeper.SetRequest{Ref: keeper.Ref{Name: "b"}, Value: val("value b"), Via: "set"}); !errors.Is(err, fault.RolledBack) {
			t.Errorf("%s: set: %v", name, err)
		}
		if _, err := k.List(ctx, owner, keeper.ListRequest{}); !errors.Is(err, fault.RolledBack) {
			t.Errorf("%s: list: %v", name, err)
		}
		if v, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || v.OK || v.Bad.Kind != "rolled_back" {
			t.Errorf("%s: verify: %+v, %v", name, v, err)
		}
	}
	if err := os.WriteFile(h.layout().Vault, two, 0o600); err != nil {
		t.Fatal(err)
	}
	mustGet(t, h.open(), "a", "second value")
}

// TestI17CutLog cuts the log's end: a vault that knows of a later record is not opened beside it.
func TestI17CutLog(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "first value")
	log := filepath.Join(h.layout().Audit, "000001.log")
	short, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	set(t, k, "a", "second value")
	if err := os.WriteFile(log, short, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := get(h.open(), "a"); !errors.Is(err, fault.Tampered) {
		t.Errorf("get beside a cut log: %v", err)
	}
}

// TestI02ForeignVault puts another vault in place, one that the same passphrase opens, with and without its own log.
func TestI02ForeignVault(t *testing.T) {
	t.Parallel()
	h, other := newHome(t), newHome(t)
	set(t, h.open(), "a", "my value")
	set(t, other.open(), "a", "their value")
	foreign, err := os.ReadFile(other.layout().Vault)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.layout().Vault, foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := get(h.open(), "a"); !errors.Is(err, fault.Foreign) {
		t.Errorf("foreign vault: %q, %v", got, err)
	}
	copyTree(t, other.layout().Audit, h.layout().Audit)
	if got, err := get(h.open(), "a"); !errors.Is(err, fault.Foreign) {
		t.Errorf("foreign vault with its log: %q, %v", got, err)
	}
	// Nor may it be written to, exported, or used to make a slot.
	k := h.open()
	if _, err := k.Set(context.Background(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "b"}, Value: val("my secret"), Via: "set"}); !errors.Is(err, fault.Foreign) {
		t.Errorf("set into a foreign vault: %v", err)
	}
	if _, err := k.SlotAdd(context.Background(), owner, keeper.NewSlot{Kind: "recovery"}); !errors.Is(err, fault.Foreign) {
		t.Errorf("slot add on a foreign vault: %v", err)
	}
	if _, err := k.RotateRoot(context.Background(), owner, keeper.RotateRootRequest{}); !errors.Is(err, fault.Foreign) {
		t.Errorf("rotate-root on a foreign vault: %v", err)
	}
}

// TestI11SealedNeverComesOut asks every method for a sealed value.
func TestI11SealedNeverComesOut(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const canary = "sealed-canary-value-1"
	h := newHome(t)
	k := h.open()
	yes := true
	for _, v := range []string{"sealed-canary-value-0", canary} {
		if _, err := k.Set(ctx, owner, keeper.SetRequest{Ref: keeper.Ref{Name: "s"}, Value: val(v), Via: "set", Sealed: &yes, Service: "stripe"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []keeper.GetRequest{
		{Ref: keeper.Ref{Name: "s"}},
		{Ref: keeper.Ref{Name: "s", Version: 1}},
		{Ref: keeper.Ref{Name: "s", Version: keeper.Previous}},
		{Ref: keeper.Ref{Name: "s"}, IncludeExpired: true},
		{Ref: keeper.Ref{Name: "s"}, Field: "x"},
		{Ref: keeper.Ref{Name: "s"}, Door: "run"},
	} {
		if got, err := k.Get(ctx, owner, r); !errors.Is(err, fault.Sealed) || got.Value.Len() != 0 {
			t.Errorf("get %+v: %v", r, err)
		}
	}
	shown, err := k.Show(ctx, owner, keeper.Ref{Name: "s"})
	if err != nil || shown.Masked != nil {
		t.Errorf("show: %+v, %v", shown, err)
	}
	sum, err := k.Export(ctx, owner, keeper.ExportRequest{Values: true}, func(e keeper.Exported) error {
		if e.Value.Len() != 0 {
			t.Error("export shows it")
		}
		return nil
	})
	if err != nil || sum.SealedOut != 1 {
		t.Errorf("export: %+v, %v", sum, err)
	}
	set(t, k, "plain", "readable value")
	if _, err := k.Export(ctx, owner, keeper.ExportRequest{Values: true}, func(keeper.Exported) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if who, err := k.AuditWho(ctx, owner, keeper.Ref{Name: "plain"}); err != nil || len(who.Versions) != 1 {
		t.Errorf("who saw the readable one: %+v, %v", who, err)
	}
	if who, err := k.AuditWho(ctx, owner, keeper.Ref{Name: "s"}); err != nil || len(who.Versions) != 0 {
		t.Errorf("who saw the sealed one: %+v, %v", who, err)
	}
	// A way around: set another exposure, move, alias, import over it.
	no := false
	if _, err := k.Set(ctx, owner, keeper.SetRequest{Ref: keeper.Ref{Name: "s"}, Value: val("another value"), Via: "set", Sealed: &no}); !errors.Is(err, fault.Conflict) {
		t.Errorf("set --readable on a sealed secret: %v", err)
	}
	if _, err := k.Move(ctx, owner, keeper.Ref{Name: "s"}, "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Update(ctx, owner, keeper.UpdateRequest{Ref: keeper.Ref{Name: "t"}, AddAliases: []string{"u"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := get(k, "u"); !errors.Is(err, fault.Sealed) {
		t.Errorf("by an alias: %v", err)
	}
	if _, err := k.Rollback(ctx, owner, keeper.Ref{Name: "t", Version: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := get(k, "t"); !errors.Is(err, fault.Sealed) {
		t.Errorf("after a rollback: %v", err)
	}
	// The refusals are on the record.
	denied := 0
	for _, r := range lines(t, k, keeper.AuditRequest{Failed: true}) {
		if r.Result == "denied" {
			denied++
		}
	}
	if denied < 8 {
		t.Errorf("%d refusals recorded", denied)
	}
	if _, err := k.Unseal(ctx, owner, keeper.Ref{Name: "t"}); err != nil {
		t.Fatal(err)
	}
	mustGet(t, k, "t", "sealed-canary-value-0")
	if r, err := k.Get(ctx, owner, keeper.GetRequest{Ref: keeper.Ref{Name: "t", Version: 2}}); err != nil || string(r.Value.Reveal()) != canary {
		t.Errorf("an older version after unsealing: %v", err)
	}
}

// TestI31PresenceOperationsAreNotInTheAPI: what doors may offer has none of them, under any name.
func TestI31PresenceOperationsAreNotInTheAPI(t *testing.T) {
	t.Parallel()
	api, own := reflect.TypeFor[keeper.API](), reflect.TypeFor[keeper.Owner]()
	for i := range own.NumMethod() {
		if m := own.Method(i).Name; func() bool { _, ok := api.MethodByName(m); return ok }() {
			t.Errorf("%s is in both", m)
		}
	}
	for i := range api.NumMethod() {
		m := api.Method(i).Name
		if slices.Contains([]string{
			"AuditExport", // records, not secrets
			"ServiceList", "ServiceDescribe", "CredentialList",
			"CredentialRemove", // takes something away
		}, m) {
			continue
		}
		for _, word := range []string{"Slot", "RotateRoot", "Export", "Backup", "Restore", "Replace", "Unseal", "Prune", "Service", "Credential", "Accept"} {
			if strings.Contains(m, word) {
				t.Errorf("the API offers %s", m)
			}
		}
	}
}

// TestTwoProcesses: a rotation in one is no obstacle for the other, and each sees the other's changes at once.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	a, b := h.open(), h.open()
	set(t, a, "x", "value one")
	mustGet(t, b, "x", "value one")
	if _, err := a.RotateRoot(ctx, owner, keeper.RotateRootRequest{}); err != nil {
		t.Fatal(err)
	}
	mustGet(t, b, "x", "value one")
	set(t, b, "x", "value two")
	mustGet(t, a, "x", "value two")
	if _, err := b.RotateRoot(ctx, owner, keeper.RotateRootRequest{}); err != nil {
		t.Fatal(err)
	}
	set(t, a, "y", "value three")
	mustGet(t, b, "y", "value three")
	v, err := a.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{})
	if err != nil || !v.OK {
		t.Fatalf("verify over three epochs: %+v, %v", v, err)
	}
	if n := len(lines(t, b, keeper.AuditRequest{Secret: "x"})); n < 5 {
		t.Errorf("%d lines about x through three epochs", n)
	}
}

// TestBackupAndRestore takes a backup, changes everything, restores, and finds it as it was; a foreign passphrase does not open it.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	yes := true
	set(t, k, "a", "first value")
	set(t, k, "a", "second value")
	if _, err := k.Set(ctx, owner, keeper.SetRequest{Ref: keeper.Ref{Name: "s"}, Value: val("sealed value"), Via: "set", Sealed: &yes, Service: "stripe"}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Set(ctx, owner, keeper.SetRequest{Ref: keeper.Ref{Name: "w", Scope: "workspace/w"}, Value: val("\x00\xff\n"), Via: "set", Aliases: []string{"ww"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Update(ctx, owner, keeper.UpdateRequest{Ref: keeper.Ref{Name: "w", Scope: "workspace/w"}, AttachGroups: []string{"g"}}); err != nil {
		t.Fatal(err)
	}
	before, err := k.List(ctx, owner, keeper.ListRequest{AllScopes: true})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	sum, err := k.Backup(ctx, owner, keeper.BackupRequest{}, &file)
	if err != nil || sum.Secrets != 3 || sum.Versions != 4 {
		t.Fatalf("backup: %+v, %v", sum, err)
	}
	if bytes.Contains(file.Bytes(), []byte("second value")) {
		t.Fatal("the backup is not encrypted")
	}
	set(t, k, "later", "not in the backup")
	if _, err := k.Remove(ctx, owner, keeper.RemoveRequest{Names: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	for cut := range 5 {
		short := file.Bytes()[:file.Len()*cut/5]
		if _, err := k.Restore(ctx, owner, keeper.RestoreRequest{Backup: bytes.NewReader(short)}); err == nil {
			t.Fatalf("a backup cut to %d bytes was restored", len(short))
		}
	}
	mustGet(t, k, "later", "not in the backup")
	if _, err := k.Restore(ctx, owner, keeper.RestoreRequest{Backup: bytes.NewReader(file.Bytes()), DryRun: true}); err != nil {
		t.Fatal(err)
	}
	mustGet(t, k, "later", "not in the backup")
	if _, err := k.Restore(ctx, owner, keeper.RestoreRequest{Backup: bytes.NewReader(file.Bytes())}); err != nil {
		t.Fatal(err)
	}
	if _, err := get(k, "later"); !errors.Is(err, fault.NotFound) {
		t.Errorf("what came later is still there: %v", err)
	}
	after, err := h.open().List(ctx, owner, keeper.ListRequest{AllScopes: true})
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("restored:\n%+v\nwant:\n%+v, %v", after, before, err)
	}
	mustGet(t, k, "a", "second value")
	in := owner
	in.Workspace, in.Group = "w", "g"
	if r, err := k.Get(ctx, in, keeper.GetRequest{Ref: keeper.Ref{Name: "ww"}}); err != nil || string(r.Value.Reveal()) != "\x00\xff\n" {
		t.Errorf("alias in an attached group: %v", err)
	}
	if _, err := get(k, "s"); !errors.Is(err, fault.Sealed) {
		t.Errorf("sealed after a restore: %v", err)
	}
	d, err := k.Doctor(ctx, owner, keeper.DoctorRequest{})
	if err != nil || d.Counts.Fail != 0 {
		t.Errorf("doctor: %+v, %v", d, err)
	}
}

// TestRestoreAcceptsAnOlderVault: an older vault beside a newer log is refused until the owner restores a backup over it; then the
// old log is still there, and the new one says why it began.
func TestRestoreAcceptsAnOlderVault(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	k := h.open()
	set(t, k, "a", "first value")
	var file bytes.Buffer
	if _, err := k.Backup(ctx, owner, keeper.BackupRequest{}, &file); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(h.layout().Vault)
	if err != nil {
		t.Fatal(err)
	}
	set(t, k, "a", "second value")
	if err := os.WriteFile(h.layout().Vault, old, 0o600); err != nil {
		t.Fatal(err)
	}
	k = h.open()
	if _, err := get(k, "a"); !errors.Is(err, fault.RolledBack) {
		t.Fatal(err)
	}
	if _, err := k.Restore(ctx, owner, keeper.RestoreRequest{Backup: bytes.NewReader(file.Bytes())}); err != nil {
		t.Fatal(err)
	}
	mustGet(t, h.open(), "a", "first value")
	if v, err := k.AuditVerify(ctx, owner, keeper.AuditVerifyRequest{}); err != nil || !v.OK {
		t.Fatalf("%+v, %v", v, err)
	}
	if r := lines(t, k, keeper.AuditRequest{})[0]; r.Reason == nil || !strings.Contains(*r.Reason, "rolled_back") {
		t.Errorf("the new log begins with %+v", r)
	}
	if aside, _ := filepath.Glob(h.layout().Audit + ".*"); len(aside) != 1 {
		t.Errorf("old logs: %v", aside)
	}
}

// TestInitAfterInterruptedInit: a creation that was killed after its record leaves nothing that stops the next one, but the log of a
// vault that was used is not given up.
func TestInitAfterInterruptedInit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHome(t)
	l := h.layout()
	if err := errors.Join(os.Remove(l.Vault), os.Remove(l.Known)); err != nil {
		t.Fatal(err)
	}
	slots := []keeper.NewSlot{{Kind: "passphrase", Passphrase: val(passphrase)}}
	if _, err := h.open().Init(ctx, owner, slots); err != nil {
		t.Fatalf("init after an interrupted one: %v", err)
	}
	set(t, h.open(), "a", "the value")
	if err := os.Remove(l.Vault); err != nil {
		t.Fatal(err)
	}
	slots[0].Passphrase = val(passphrase)
	if _, err := h.open().Init(ctx, owner, slots); !errors.Is(err, fault.Conflict) {
		t.Fatalf("init over the log of a vault that was used: %v", err)
	}
}
