package azurekeyvault_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

// TestI19OnlyTheVaultItselfSaysMissing: other 404s, and other words in them, are somebody else's; so is a 404 for a list.
func TestI19OnlyTheVaultItselfSaysMissing(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "404 page not found\n", "{}", "[]", `{"error":"SecretNotFound"}`, `{"error":{"code":"NotFound"}}`, `{"error":{"code":"VaultNotFound"}}`,
		`{"error":{"code":"ResourceNotFound","innererror":{"code":"SecretNotFound"}}}`, `{"code":"SecretNotFound"}`, `{"error":{"code":"secretnotfound"}}`,
		`{"error":{"code":"SecretNotFound","code":"x"}}`, `<Error><Code>SecretNotFound</Code></Error>`,
	} {
		p := newPeer(t)
		open := p.mustOpen(t, world(env()))
		if err := works(t, open); err != nil { // has a token
			t.Fatal(err)
		}
		p.Azure = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, body)
		})
		_, err := open.Read(t.Context(), "key", "")
		if err == nil || errors.Is(err, fault.NotFound) {
			t.Errorf("read, after %s: %v", body, err)
		}
		if err := open.Health(t.Context()); err == nil {
			t.Errorf("health, after %s: all is well", body)
		}
		if _, err := open.Delete(t.Context(), "key"); err == nil || errors.Is(err, fault.NotFound) {
			t.Errorf("delete, after %s: %v", body, err)
		}
	}
	p := newPeer(t)
	open := p.mustOpen(t, world(env()))
	if err := works(t, open); err != nil {
		t.Fatal(err)
	}
	p.Azure = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"error":{"code":"SecretNotFound"}}`)
	})
	if err := open.List(t.Context(), func(provider.Item) error { return nil }); !errors.Is(err, fault.Invalid) {
		t.Errorf("list: %v", err)
	}
}
