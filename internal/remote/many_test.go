package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/remote"
	"tacit/internal/server"
	"tacit/internal/wire"
)

// asking answers at a socket with h, and counts who asks for what.
func asking(t *testing.T, h http.Handler) (c *remote.Client, asked func(path string) int) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(socketDir(t), "s"))
	if err != nil {
		t.Fatal(err)
	}
	var one, many atomic.Int32
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case wire.Get:
			one.Add(1)
		case wire.GetMany:
			many.Add(1)
		}
		h.ServeHTTP(w, r)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return dial(t, l.Addr().String()), func(path string) int {
		if path == wire.Get {
			return int(one.Load())
		}
		return int(many.Load())
	}
}

func asksOf(k keeper.API, version string) http.Handler {
	return server.New(server.Options{API: k, Version: version, Caller: func(*http.Request) (keeper.Caller, error) { return near, nil }})
}

func numbered(n int) (rs []keeper.GetRequest) {
	for i := range n {
		rs = append(rs, keeper.GetRequest{Ref: keeper.Ref{Name: fmt.Sprint("k/", i)}, Door: "run"})
	}
	return rs
}

// TestManyAreOneRequest: fifty secrets are one request, and what cannot go along goes alone.
func TestManyAreOneRequest(t *testing.T) {
	t.Parallel()
	k := newHome(t).open()
	for i := range 3 {
		if _, err := k.Set(t.Context(), near, keeper.SetRequest{Ref: keeper.Ref{Name: fmt.Sprint("k/", i)}, Value: val(fmt.Sprint("value ", i))}); err != nil {
			t.Fatal(err)
		}
	}
	c, asked := asking(t, asksOf(k, "test"))
	got := keeper.GetMany(t.Context(), c, far, numbered(50))
	if asked(wire.GetMany) != 1 || asked(wire.Get) != 0 || string(got[2].Value.Reveal()) != "value 2" || !errors.Is(got[49].Err, fault.NotFound) {
		t.Errorf("%d and %d requests; %v, %v", asked(wire.GetMany), asked(wire.Get), got[2].Err, got[49].Err)
	}
	for what, wrong := range map[string]keeper.GetRequest{
		"not text": {Ref: keeper.Ref{Name: "a\xff"}},
		"too long": {Ref: keeper.Ref{Name: strings.Repeat("a", 70<<10)}},
		"controls": {Ref: keeper.Ref{Name: strings.Repeat("\x01", 15<<10)}},
	} {
		rs := numbered(3)
		rs[1] = wrong
		got := keeper.GetMany(t.Context(), c, far, rs)
		if string(got[0].Value.Reveal()) != "value 0" || !errors.Is(got[1].Err, fault.Invalid) || string(got[2].Value.Reveal()) != "value 2" {
			t.Errorf("%s: %v, %v, %v", what, got[0].Err, got[1].Err, got[2].Err)
		}
	}
	long := numbered(60)
	for i := range long {
		long[i].Field = strings.Repeat("\x01", 16000)
	}
	for i, a := range keeper.GetMany(t.Context(), c, far, long) {
		if !errors.Is(a.Err, fault.NotFound) && !errors.Is(a.Err, fault.Invalid) {
			t.Fatalf("%d of the long ones: %v", i, a.Err)
		}
	}
}

// TestManyOfAnOlderProgram: one that cannot be asked for several is asked for each, and that it cannot is asked once.
func TestManyOfAnOlderProgram(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"test", "0.1"} {
		k := asksOf(&fake{get: cannedRead}, version)
		c, asked := asking(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == wire.GetMany {
				r.URL.Path += "-not-there"
			}
			k.ServeHTTP(w, r)
		}))
		// The path is changed after it was counted.
		for range 2 {
			for _, got := range keeper.GetMany(t.Context(), c, far, numbered(20)) {
				if got.Err != nil || got.Value.Len() == 0 {
					t.Fatal(got.Err)
				}
			}
		}
		if asked(wire.GetMany) != 1 || asked(wire.Get) != 40 {
			t.Errorf("%s: %d and %d requests", version, asked(wire.GetMany), asked(wire.Get))
		}
	}
}

// TestManyOfAnUnadmittedCaller: it is told once, with the status that says so, and as for one.
func TestManyOfAnUnadmittedCaller(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, newHome(t).open(), byToken))
	_, want := c.Get(t.Context(), far, numbered(1)[0])
	for _, got := range keeper.GetMany(t.Context(), c, far, numbered(2)) {
		compareErrors(t, "many", got.Err, want)
		if got.Value.Len() > 0 || !errors.Is(got.Err, fault.Denied) {
			t.Error(got.Err)
		}
	}
}

// TestI18ManyOnAnOpenConnection: a token that was revoked gets none of many on the connection that it was good on.
func TestI18ManyOnAnOpenConnection(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	k := newHome(t).open()
	for _, n := range []string{"k/0", "k/1"} {
		if _, err := k.Set(ctx, near, keeper.SetRequest{Ref: keeper.Ref{Name: n}, Value: val("value")}); err != nil {
			t.Fatal(err)
		}
	}
	made, err := k.TokenCreate(ctx, near, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read k/0"}})
	if err != nil {
		t.Fatal(err)
	}
	path := serve(t, k, byToken)
	c := remote.New(remote.Options{Version: "test", Token: made.Token, Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}})
	t.Cleanup(func() { _ = c.Close() })
	got := keeper.GetMany(ctx, c, far, numbered(3))
	_, missing := c.Get(ctx, far, keeper.GetRequest{Ref: keeper.Ref{Name: "k/1"}})
	if string(got[0].Value.Reveal()) != "value" || got[1].Err.Error() != missing.Error() || !errors.Is(got[2].Err, fault.Denied) {
		t.Errorf("%v, %v, %v", got[0].Err, got[1].Err, got[2].Err)
	}
	if _, err := k.TokenRevoke(ctx, near, made.ID); err != nil {
		t.Fatal(err)
	}
	for _, got := range keeper.GetMany(ctx, c, far, numbered(3)) {
		if !errors.Is(got.Err, fault.Denied) || got.Value.Len() > 0 {
			t.Errorf("revoked: %v", got.Err)
		}
	}
}

// TestManyOfAHostileServer: more answers than requests, none, half of one or other things are errors of every request, and end.
func TestManyOfAHostileServer(t *testing.T) {
	t.Parallel()
	one := `{"read":{"secret":{"name":"a"},"version":1,"field":null,"value":"a value","value_base64":null},"problem":null}`
	for what, answer := range map[string]string{
		"none":       `{"answers":[]}`,
		"no list":    `{}`,
		"more":       `{"answers":[` + strings.Repeat(one+",", 2) + one + `]}`,
		"half":       `{"answers":[` + one + `,{"read":{"value":"a va`,
		"both":       `{"answers":[` + strings.Replace(one, `"problem":null`, `"problem":{"code":"denied","detail":"no","status":403}`, 1) + `]}`,
		"no code":    `{"answers":[` + one + `,{"read":null,"problem":{"detail":"no"}}]}`,
		"not JSON":   "<html>",
		"an own one": `{"answers":[` + one + `,{"read":null,"problem":{"code":"whatever","detail":"no","status":200}}]}`,
	} {
		c, _ := asking(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", wire.JSON)
			_, _ = io.WriteString(w, answer)
		}))
		for i, got := range keeper.GetMany(t.Context(), c, far, numbered(2)) {
			if what == "an own one" && i == 0 {
				continue
			}
			if got.Err == nil || got.Value.Len() > 0 {
				t.Errorf("%s: answer %d is %q, %v", what, i, got.Value.Reveal(), got.Err)
			}
		}
	}
}
