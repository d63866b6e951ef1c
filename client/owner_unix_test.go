//go:build unix

package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"testing"

	"tacit/client"
)

// Who can put a socket in the place of the agent's could make up what our secrets are.
func TestSomebodyElsesSocket(t *testing.T) {
	t.Parallel()
	asked := false
	c, dir := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"value":"made up"}`)
	})
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // the test is about exactly this
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "a"); !errors.Is(err, client.ErrDenied) || asked {
		t.Error(err, asked)
	}
	// The token of a run does not make it somebody whom we named: after the run anybody may listen there.
	none := func(string) string { return "" }
	for token, want := range map[string]error{"tacit_run_00": client.ErrDenied, "tacit_00": nil} {
		of, err := client.New(client.Options{Addr: "unix:" + dir + "/agent.sock", Token: token, Getenv: none})
		if err != nil {
			t.Fatal(err)
		}
		defer of.Close()
		if _, err := of.Get(t.Context(), "a"); !errors.Is(err, want) {
			t.Errorf("%s: %v", token, err)
		}
		asked = false
	}
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "a"); err != nil {
		t.Error("a socket of ours in a sticky directory: ", err)
	}
}
