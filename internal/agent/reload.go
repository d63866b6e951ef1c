package agent

import (
	"context"
	"net/http"
	"sync"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/wire"
)

// Reloaded is what became of the user's configuration when it was read again.
type Reloaded struct {
	Changed      []string // settings that are different now, as they stand in the file: "access_control.default_permissions"
	NeedsRestart []string // settings that are different from what the agent was started with, and cannot change while it runs
}

// reading is when the configuration that is in force was read, and what was wrong with it when somebody last tried.
type reading struct {
	one sync.Mutex // reading at a time

	mu     sync.Mutex
	at     time.Time
	failed error
}

func (r *reading) last() (at time.Time, failed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at, r.failed
}

// reload reads the configuration again. What can change while the agent runs counts for every request that begins when it returns.
// From a file that cannot be read nothing changes.
func (a *agent) reload() (out client.AgentReloaded, err error) {
	a.config.one.Lock()
	defer a.config.one.Unlock()
	got, err := a.Reload()
	at := a.Now().UTC().Truncate(time.Second)
	a.config.mu.Lock()
	if a.config.failed = err; err == nil {
		a.config.at = at
	}
	a.config.mu.Unlock()
	if err != nil {
		a.Log.Warn("the configuration cannot be read, the one before stays in force", "reason", err.Error())
		return out, fault.Wrap(fault.Usage, err, "reload: the configuration of before stays in force")
	}
	a.state.reconfigure()
	a.Log.Info("the configuration was read again", "changed", got.Changed, "needs a new start", got.NeedsRestart)
	return client.AgentReloaded{ReadAt: &at, Changed: got.Changed, NeedsRestart: got.NeedsRestart}, nil
}

// reloadOn reloads at each signal, until ctx ends. Who sent it learns what came of it from the status.
func (a *agent) reloadOn(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.ReloadOn:
			_, _ = a.reload()
		}
	}
}

func (a *agent) reloadNow(w http.ResponseWriter, _ *http.Request) error {
	out, err := a.reload()
	if err != nil {
		return err
	}
	return answer(w, out)
}

// answer writes v, a shape.
func answer(w http.ResponseWriter, v any) error {
	b, err := wire.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", wire.JSON)
	_, _ = w.Write(b) // the peer may have left
	return nil
}
