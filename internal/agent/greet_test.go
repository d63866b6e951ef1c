package agent

import (
	"encoding/json"
	"testing"
	"time"
)

// What Hello reads by hand is what AgentStatus reads.
func TestHelloReadsTheReport(t *testing.T) {
	t.Parallel()
	version, pid, text, at := "1.2.3-rc\u00e9\"\\", 12, "<a>\n", time.Unix(1, 2)
	for _, locked := range []bool{false, true} {
		var full, read Report
		full.Vault, full.Version, full.Locked, full.Running = "/home/\u00e9 \"x\"/vault.db", &version, locked, true
		full.PID, full.Proxy, full.ConfigError, full.ConfigReadAt = &pid, &text, &text, &at
		answer, err := json.Marshal(full)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.greet(append(answer, '\n')); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		if read.Vault != full.Vault || read.Version == nil || *read.Version != version || read.Locked != locked {
			t.Errorf("%s was read as %q, %v, %v", answer, read.Vault, read.Version, read.Locked)
		}
	}
}

// Whatever listens on the socket says: it is not taken for an unlocked agent by mistake.
func TestHelloOfOthers(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"", "null", "[]", "true", `{"locked":false`, `{"locked":false}}`, `{"locked":0}`, `{"locked":null}`, `{"vault":1}`, `{"version":{}}`, `{"version":null}`,
		`{"locked":false} {"locked":true}`, `{"x":[[[[[[[[[[[[[[[[[[[[`,
	} {
		var r Report
		if err := r.greet([]byte(answer)); err == nil {
			t.Errorf("%q was read: %+v", answer, r)
		}
	}
	var r Report
	if err := r.greet([]byte(`{"new":[1,{"a":null}],"vault":"v"}`)); err != nil || !r.Locked || r.Version != nil {
		t.Errorf("an agent that does not say that it is unlocked: %v, %v, %v", err, r.Locked, r.Version)
	}
}
