package agent

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

func TestUnlockUseLock(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	set(t, h.direct(), "a", "one")
	c, stop := h.start()
	r, err := c.AgentStatus(t.Context())
	if err != nil || !r.Running || !r.Locked || r.LocksAt != nil || r.IdleLocksAt != nil || *r.PID != os.Getpid() || *r.Version != "test" || r.Vault != h.layout().Vault {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := get(c, "a"); !errors.Is(err, fault.Locked) {
		t.Fatalf("locked: %v", err)
	}
	if s, err := c.Status(t.Context(), owner); err != nil || !s.Vault.Locked || !s.Vault.Exists {
		t.Errorf("status while locked: %+v, %v", s.Vault, err)
	}
	wrong := bytes.Clone(h.key)
	wrong[31] ^= 1
	if err := c.Unlock(t.Context(), 0, wrong, h.slot, time.Hour, time.Hour); err == nil {
		t.Error("it took a wrong key")
	}
	if err := c.Unlock(t.Context(), 0, h.key, "9", time.Hour, time.Hour); !errors.Is(err, fault.Conflict) {
		t.Errorf("a slot that is not there: %v", err)
	}
	if _, err := get(c, "a"); !errors.Is(err, fault.Locked) {
		t.Fatalf("after keys that open nothing: %v", err)
	}
	for _, d := range []time.Duration{0, -time.Hour, time.Millisecond, 1000 * 24 * time.Hour} {
		if err := c.Unlock(t.Context(), 0, h.key, h.slot, time.Hour, d); !errors.Is(err, fault.Usage) {
			t.Errorf("idle for %v: %v", d, err)
		}
		if err := c.Unlock(t.Context(), 0, h.key, h.slot, d, time.Hour); !errors.Is(err, fault.Usage) {
			t.Errorf("for %v: %v", d, err)
		}
	}
	begun := time.Now()
	if err := c.Unlock(t.Context(), 0, h.key, h.slot, 2*time.Hour, time.Hour); err != nil {
		t.Fatal(err)
	}
	set(t, c, "b", "two")
	mustGet(t, h.direct(), "b", "two")
	mustGet(t, c, "a", "one")
	r, err = c.AgentStatus(t.Context())
	if err != nil || r.Locked || r.LocksAt == nil || r.IdleLocksAt == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	for want, got := range map[time.Duration]time.Time{2 * time.Hour: *r.LocksAt, time.Hour: *r.IdleLocksAt} {
		if d := got.Sub(begun) - want; d < -2*time.Second || d > time.Minute {
			t.Errorf("%v instead of %v from now", got.Sub(begun), want)
		}
	}
	a, err := c.Audit(t.Context(), owner, keeper.AuditRequest{Limit: 1})
	if err != nil || len(a.Records) != 1 {
		t.Fatalf("%+v, %v", a, err)
	}
	if rec := a.Records[0]; rec.Principal != "user/ana" || rec.Door != "socket" || rec.UID != os.Getuid() || rec.PID != os.Getpid() || rec.Executable == nil {
		t.Errorf("the record says %+v", rec)
	}
	if err := c.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := get(c, "a"); !errors.Is(err, fault.Locked) {
		t.Errorf("after lock: %v", err)
	}
	h.unlock(c)
	h.unlock(c) // again, while it is
	mustGet(t, c, "a", "one")
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := c.AgentStatus(t.Context()); !NotRunning(err) || !errors.Is(err, fault.Locked) {
		t.Errorf("after its end: %v", err)
	}
	if _, err := os.Lstat(h.layout().Socket); err == nil {
		t.Error("the socket is still there")
	}
	c, _ = h.start() // its place is free
	h.unlock(c)
	mustGet(t, c, "b", "two")
}

// A vault in two hands: each sees at once what the other wrote, and nothing is lost.
func TestWritersBesideTheAgent(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c, _ := h.start()
	h.unlock(c)
	names := []string{}
	for i := range 10 {
		name := "turn" + string(rune('a'+i))
		names = append(names, name)
		from, to := keeper.API(c), keeper.API(h.direct())
		if i%2 == 1 {
			from, to = to, from
		}
		set(t, from, name, "v1")
		mustGet(t, to, name, "v1")
		set(t, to, name, "v2")
		mustGet(t, from, name, "v2")
	}
	var writers sync.WaitGroup
	for i, k := range []keeper.API{c, h.direct(), c, h.direct()} {
		writers.Go(func() {
			for range 10 {
				_, err := k.Set(context.Background(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "shared"}, Generate: &keeper.Generate{Length: 20, Kind: "alnum"}, Via: "generate"})
				if err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			}
		})
	}
	writers.Wait()
	history, err := h.direct().History(t.Context(), owner, keeper.Ref{Name: "shared"})
	if err != nil || history.Total != 40 {
		t.Errorf("%d versions, %v; want 40", history.Total, err)
	}
	l, err := c.List(t.Context(), owner, keeper.ListRequest{})
	if err != nil || l.Total != len(names)+1 {
		t.Errorf("%d secrets, %v", l.Total, err)
	}
	v, err := c.AuditVerify(t.Context(), owner, keeper.AuditVerifyRequest{})
	if err != nil || !v.OK {
		t.Errorf("the log: %+v, %v", v, err)
	}
}

// A lock ends those who follow the log at once, and lets a change that is under way end.
func TestLockEndsStreams(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c, _ := h.start()
	h.unlock(c)
	set(t, c, "a", "one")
	seen, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		follower := Connect(h.layout().Socket, "test", "")
		defer follower.Close()
		ended <- follower.AuditFollow(context.Background(), owner, keeper.AuditRequest{}, func(client.AuditRecord) error {
			seen <- struct{}{}
			return nil
		})
	}()
	<-seen
	begun := time.Now()
	if err := c.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil && !errors.Is(err, fault.Unavailable) && !errors.Is(err, fault.Locked) {
		t.Errorf("the follower ended with %v", err)
	}
	if took := time.Since(begun); took > graceTime {
		t.Errorf("a follower held the lock up for %v", took)
	}
}

// A root key that another process changed locks the vault in the agent, for whoever comes next to open it by itself.
func TestRootRotationElsewhere(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c, _ := h.start()
	h.unlock(c)
	set(t, c, "a", "one")
	if _, err := h.direct().RotateRoot(t.Context(), owner, keeper.RotateRootRequest{}); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			if _, err := get(c, "a"); !errors.Is(err, fault.Locked) {
				t.Errorf("with the keys of the past: %v", err)
			}
		})
	}
	readers.Wait()
	if r, err := c.AgentStatus(t.Context()); err != nil || !r.Locked {
		t.Errorf("%+v, %v", r, err)
	}
	if err := c.Unlock(t.Context(), 0, h.key, h.slot, time.Hour, time.Hour); err == nil {
		t.Error("the old root key unlocked it")
	}
}

func TestEnviron(t *testing.T) {
	t.Parallel()
	in := []string{
		"PATH=/bin", "HOME=/h", "GODEBUG=http2debug=1", "TACIT_DIR=/d", "TACIT_DIR=/other", "HTTPS_PROXY=http://evil", "https_proxy=http://evil",
		"ALL_PROXY=x", "SSL_CERT_FILE=/evil", "SSL_CERT_DIR=/evil", "TACIT_PASSPHRASE=p", "TACIT_PASSPHRASE_FILE=/p", "TACIT_IDENTITY=AGE-SECRET-KEY-1",
		"TACIT_IDENTITY_FILE=/i", "TACIT_TOKEN=tacit_x", "TACIT_ADDR=https://evil", "XDG_RUNTIME_DIR=/run/user/1", "GOTRACEBACK=crash", "GOMEMLIMIT=1",
		"GOGC=off", "LD_PRELOAD=/evil.so", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/evil", "TZ=/evil", "USER=ana", "broken",
	}
	got := Environ(in)
	if want := []string{"HOME=/h", "TACIT_DIR=/d", "XDG_RUNTIME_DIR=/run/user/1", "USER=ana"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if again := Environ(got); !slices.Equal(got, again) {
		t.Errorf("not idempotent: %q", again)
	}
	if got := Environ([]string{"TACIT_DIR=x"}); len(got) != 1 || !strings.HasPrefix(got[0], "TACIT_DIR=/") {
		t.Errorf("relative: %q", got)
	}
}
