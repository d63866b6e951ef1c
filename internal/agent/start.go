package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/paths"
)

// readyLine is what an agent in the background prints, as the only thing ever, when it answers.
const readyLine = "ready\n"

// startTime bounds how long an agent may take until it answers, or until it is gone.
const startTime = 10 * time.Second

// Start starts this program anew with args, as an agent in the background that outlives us, and returns its process when it
// answers. fault.Exists when there is an agent already, whose fault may be that of a start at the same moment.
//
// The new process must print [Ready] when it answers and else nothing but a problem in JSON.
func Start(ctx context.Context, environ, args []string) (pid int, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return 0, fault.Wrap(fault.Failed, err, "start the agent")
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, fault.Wrap(fault.Failed, err, "start the agent")
	}
	defer r.Close()
	c := exec.Command(self, args...)
	c.Env, c.Stdout, c.Stderr = Environ(environ), w, w
	detach(c)
	err = c.Start()
	_ = w.Close()
	if err != nil {
		return 0, fault.Wrap(fault.Failed, err, "start the agent")
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Process.Kill() })
	said, err := io.ReadAll(io.LimitReader(r, 1<<16)) // until it lets go of the pipe
	if err == nil && string(said) == readyLine && stop() {
		pid = c.Process.Pid
		return pid, c.Process.Release()
	}
	stop()
	_ = c.Process.Kill()
	_ = c.Wait()
	return 0, startFailure(ctx, said)
}

func startFailure(ctx context.Context, said []byte) error {
	var p client.Problem
	switch {
	case ctx.Err() != nil:
		return fault.New(fault.Failed, "start the agent: it does not answer").WithFix("tacit agent run shows why")
	case json.Unmarshal(bytes.TrimSpace(said), &p) != nil || p.Error.Code == "":
		return fault.New(fault.Failed, "start the agent: it ended at once").WithFix("tacit agent run shows why")
	}
	e := &fault.Error{Code: fault.Code(p.Error.Code), Message: p.Error.Message}
	if p.Error.Fix != nil {
		e.Fix = *p.Error.Fix
	}
	if p.Error.Object != nil {
		e.Object = *p.Error.Object
	}
	return e
}

// Ready tells who started us in the background that we answer, and lets go of the files that we were started with.
func Ready(stdout io.Writer) error {
	if _, err := io.WriteString(stdout, readyLine); err != nil {
		return err
	}
	return Quiet()
}

// Await waits until the agent of a vault answers: one that somebody else has just started.
func Await(ctx context.Context, l paths.Layout, version string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	c := Connect(l.Socket, version, "")
	defer c.Close()
	for {
		if _, err := c.AgentStatus(ctx); !NotRunning(err) {
			return err
		}
		if held, _, err := running(l); err != nil || !held {
			return errors.Join(err, ErrNotRunning)
		}
		poll := time.NewTimer(time.Millisecond)
		select {
		case <-poll.C:
		case <-ctx.Done():
			poll.Stop()
			return ctx.Err()
		}
	}
}

// End ends the agent of a vault and returns when it is gone: by asking it, or, when its socket does not lead to it any more, by
// SIGTERM. was is false when there is none.
func End(ctx context.Context, l paths.Layout, version string) (was bool, err error) {
	vaultLock, socketLock := lockFiles(l)
	c := Connect(l.Socket, version, "")
	defer c.Close()
	if r, err := c.AgentStatus(ctx); err == nil && r.Vault == l.Vault {
		if err := c.Stop(ctx); err != nil {
			return true, err
		}
		return true, gone(ctx, socketLock)
	}
	held, pid, err := running(l)
	if err != nil || !held {
		return false, err
	}
	if pid > 0 {
		if err := terminate(pid); err != nil {
			return true, fault.Wrap(fault.Failed, err, "end the agent (pid %d)", pid)
		}
	}
	return true, gone(ctx, vaultLock)
}

// gone waits until nobody holds a lock.
func gone(ctx context.Context, lock string) error {
	free, err := paths.Lock(ctx, lock, false)
	if errors.Is(err, fault.Busy) {
		return fault.New(fault.Busy, "the agent (pid %d) does not end", holder(lock))
	}
	if err == nil {
		free()
	}
	return err
}
