package agent

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/flatjson"
	"tacit/internal/remote"
)

// Client talks to an agent. It is a keeper.API, and has the agent's own operations.
type Client struct {
	*remote.Client
	socket  string
	version string
	absent  error // instead of the usual answer when nobody is there
	foreign bool  // whoever listens is fine: it is told a token, and no key
}

// Foreign lets another user listen: the shared socket of somebody's agent, which the caller named.
func (c *Client) Foreign() *Client {
	c.foreign = true
	return c
}

// Insist makes err the answer when nobody is at the socket, for a caller who named it.
func (c *Client) Insist(err error) *Client {
	c.absent = err
	return c
}

// Connect returns a client for the agent at a socket. It connects when the first call needs it; the error of a call when nobody
// is there has class fault.Locked, and is [ErrNotRunning].
func Connect(socket, version, token string) *Client {
	c := &Client{socket: socket, version: version}
	c.Client = remote.New(remote.Options{
		Dial:  func(ctx context.Context) (net.Conn, error) { conn, err := c.dial(ctx); return conn, err },
		Token: token, Version: version,
	})
	return c
}

// ErrNotRunning is the cause of an error when there is no agent at the socket.
var ErrNotRunning = errors.New("none is running")

// NotRunning reports whether err means that there is no agent at the socket.
func NotRunning(err error) bool { return errors.Is(err, ErrNotRunning) }

// Absent returns what a call answers when nobody is at the socket, if a look shows that: without an agent there is nothing at its path.
// Else it returns nil, and who wants to know calls. A look costs a twentieth of a call, and every command of a user without an agent
// waits for it (P1).
func Absent(socket string) error {
	if _, err := os.Lstat(socket); errors.Is(err, fs.ErrNotExist) {
		return nobody()
	}
	return nil
}

func nobody() error {
	return &fault.Error{Code: fault.Locked, Message: "connect to the agent", Fix: "tacit unlock", Err: ErrNotRunning}
}

// dial connects to the socket, and to nobody but our own user: who else can listen there could otherwise make up what our secrets
// are.
func (c *Client) dial(ctx context.Context) (*peerConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.socket)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EINVAL):
		if c.absent != nil {
			return nil, c.absent
		}
		return nil, nobody()
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.New(fault.Permissions, "the socket %s is somebody else's", c.socket).About(c.socket)
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, errors.Unwrap(err), "connect to the agent at %s", c.socket)
	}
	p, err := peerOf(conn.(*net.UnixConn))
	if err == nil && !c.foreign {
		err = p.ours()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fault.Wrap(fault.Denied, err, "refused to talk to what listens on %s", c.socket).About(c.socket)
	}
	return &peerConn{UnixConn: conn.(*net.UnixConn), peer: p}, nil
}

// AgentStatus returns what the agent says of itself.
func (c *Client) AgentStatus(ctx context.Context) (r Report, err error) {
	return r, c.Call(ctx, http.MethodGet, pathStatus, nil, &r)
}

// Hello is AgentStatus for a command that is about to use the vault: it counts as use, so that the vault does not lock between
// this answer and the next request. Of the report it has what such a command must know: the vault, the version and whether it is locked.
func (c *Client) Hello(ctx context.Context) (r Report, err error) {
	err = c.Ask(ctx, http.MethodPost, pathHello, func(answer []byte) error { return r.greet(answer) })
	return r, err
}

// greet reads the report of an agent, of any version, as far as Hello has it.
func (r *Report) greet(answer []byte) error {
	var (
		f       flatjson.Reader
		version string
	)
	r.Locked = true // unless it says otherwise
	rest, err := f.Read(answer, func(key []byte) error {
		switch string(key) {
		case "vault":
			return flatjson.Text(&f, &r.Vault)
		case "version":
			r.Version = &version
			return flatjson.Text(&f, r.Version)
		case "locked":
			return flatjson.Bool(&f, &r.Locked)
		}
		return f.Skip()
	})
	if err == nil && len(bytes.TrimSpace(rest)) > 0 {
		err = flatjson.ErrSyntax
	}
	return err
}

// Lock makes the agent forget the keys, and returns when they are gone.
func (c *Client) Lock(ctx context.Context) error {
	return c.Call(ctx, http.MethodPost, pathLock, nil, nil)
}

// Stop locks, and asks the agent to end.
func (c *Client) Stop(ctx context.Context) error {
	return c.Call(ctx, http.MethodPost, pathStop, nil, nil)
}

// Reload has the agent read the user's configuration again. fault.Usage when it cannot be read; then nothing changes.
func (c *Client) Reload(ctx context.Context) (r client.AgentReloaded, err error) {
	return r, c.Call(ctx, http.MethodPost, pathReload, nil, &r)
}

// Unlock hands a root key of the given slot to the agent, for most at the most and until nobody has used it for idle. Before the
// key is sent, what listens must be the program that we are: started is the process if we have just started it ourselves, which
// is certain; else 0, and then the program is looked at, as far as the system shows it (see [verify]).
func (c *Client) Unlock(ctx context.Context, started int, rootKey []byte, slot string, most, idle time.Duration) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := verify(conn.peer, started, c.socket); err != nil {
		return err
	}
	return handOver(conn, c.version, rootKey, unlockRequest{slot, int64(most / time.Second), int64(idle / time.Second)})
}

// verify refuses a listener that is not an agent of ours (I09). An agent makes itself unreadable, and its program then is shown
// to root only: a process of our own user that listens on our socket in its place and makes itself unreadable too passes. It
// got between the user and the passphrase, which nothing can defend against.
func verify(p Peer, started int, socket string) error {
	if started != 0 && p.PID == started {
		return nil
	}
	same, known := sameProgram(p)
	if same || !known && p.PID != 0 && p.Executable == "" {
		return nil
	}
	what := p.Executable
	if what == "" {
		what = "a program that cannot be seen"
	}
	return fault.New(fault.Denied, "what listens on %s is not this program but %s (pid %d); it gets no key", socket, what, p.PID).
		About(socket).WithFix("tacit agent stop, if that is another version of tacit; else find out what it is")
}
