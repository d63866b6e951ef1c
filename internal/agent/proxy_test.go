package agent

import (
	"strings"
	"testing"
	"time"
)

// Where base-URL mode listens is said by the agent's status and by what describes a service, from when it does.
func TestWhereBaseURLsAre(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	set(t, h.direct(), "a", "one")
	c, _ := h.start()
	if err := c.Unlock(t.Context(), 0, h.key, h.slot, time.Hour, time.Hour); err != nil {
		t.Fatal(err)
	}
	said := func() (status string, service, capability *string) {
		t.Helper()
		r, err := c.AgentStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Proxy != nil {
			status = *r.Proxy
		}
		s, err := c.ServiceDescribe(t.Context(), owner, "openai")
		if err != nil {
			t.Fatal(err)
		}
		one, err := c.CapabilityDescribe(t.Context(), owner, s.Capability[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		return status, s.BaseURL, one.BaseURL
	}
	if status, service, capability := said(); status != "" || service != nil || capability != nil {
		t.Errorf("before anybody asked: %q, %v, %v", status, service, capability)
	}
	url, err := c.Proxy(t.Context())
	if err != nil || !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Fatalf("%q, %v", url, err)
	}
	status, service, capability := said()
	if want := url + "/svc/openai"; status != url || service == nil || *service != want || capability == nil || *capability != want {
		t.Errorf("%q, %v, %v; want %s", status, service, capability, url)
	}
}
