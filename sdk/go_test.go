package sdk_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"tacit/client"
)

// The Go client against a real agent.
func TestGo(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	getenv := func(name string) string {
		for _, e := range h.environ() {
			if v, ok := strings.CutPrefix(e, name+"="); ok {
				return v
			}
		}
		return ""
	}
	ctx := t.Context()
	c, err := client.Connect(ctx, client.Options{Getenv: getenv})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	for name, want := range map[string]string{
		"api/key": value, "tacit://api/key@1": "an older value", "api/key@previous": "an older value", "settings#user": "ana", "binary": "\xff\x00\x01\x02",
	} {
		if v, err := c.Get(ctx, name); err != nil || string(v.Reveal()) != want {
			t.Errorf("%s: %q %v", name, v.Reveal(), err)
		}
	}
	if there, err := c.Has(ctx, "api/key"); err != nil || !there {
		t.Error(there, err)
	}
	if there, err := c.Has(ctx, "api/nothing"); err != nil || there {
		t.Error(there, err)
	}
	if l, err := c.List(ctx, client.ListRequest{Pattern: "api/*"}); err != nil || l.Total != 1 || l.Secrets[0].Name != "api/key" {
		t.Error(l, err)
	}
	for _, v := range []string{"text", "\xff\x00"} {
		if _, err := c.Set(ctx, "go/made", client.NewValue([]byte(v))); err != nil {
			t.Error(err)
		}
		if got, err := c.Get(ctx, "go/made"); err != nil || string(got.Reveal()) != v {
			t.Errorf("%q: %q %v", v, got.Reveal(), err)
		}
	}
	yes := client.SetRequest{SecretRef: client.SecretRef{Name: "go/made"}, MustBeNew: true}
	_, exists := c.Write(ctx, yes, client.NewValue([]byte("x")))
	_, sealed := c.Get(ctx, "DEMO_OPENAI_KEY")
	_, missing := c.Get(ctx, "api/nothing")
	_, expired := c.Get(ctx, "old")
	limited, err := client.New(client.Options{Getenv: getenv, Token: h.token})
	if err != nil {
		t.Fatal(err)
	}
	defer limited.Close()
	_, denied := limited.Get(ctx, "settings")
	for code, err := range map[client.Code]error{
		client.ErrExists: exists, client.ErrSealed: sealed, client.ErrNotFound: missing, client.ErrExpired: expired, client.ErrDenied: denied,
	} {
		if !errors.Is(err, code) {
			t.Errorf("%s: %v", code, err)
		}
	}

	text := "text"
	a, err := c.Invoke(ctx, client.InvokeRequest{Capability: "demo-openai/echo", Method: "POST", BodyText: &text})
	if err != nil || a.Status != 200 || a.Redactions == 0 || bytes.Contains(a.Body, []byte(key)) {
		t.Errorf("%+v %v", a, err)
	}
	body := bytes.Repeat([]byte("abc"), 1_000_000)
	s, err := c.Use(ctx, client.UseHead{Capability: "demo-openai/upload", Method: "POST", Path: "/demo/upload", ContentLength: -1}, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var counted struct {
		Bytes  int
		SHA256 string
	}
	b, err := io.ReadAll(s)
	sum := sha256.Sum256(body)
	if err = errors.Join(err, json.Unmarshal(b, &counted)); err != nil || counted.Bytes != len(body) || counted.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("%s %v", b, err)
	}
	if s.End().BytesUp != int64(len(body)) {
		t.Errorf("%+v", s.End())
	}
	_ = s.Close()

	h.must("", "tacit", "lock")
	if _, err := c.Get(ctx, "api/key"); !errors.Is(err, client.ErrLocked) || !strings.Contains(err.Error(), "tacit unlock") {
		t.Error(err)
	}
	h.must("", "tacit", "agent", "stop")
	if _, err := c.Get(ctx, "api/key"); !errors.Is(err, client.ErrLocked) {
		t.Error(err)
	}
}
