package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths/pathstest"
	"tacit/internal/wire"
)

// askShared asks the agent at a socket, as whoever it runs as: SOCKET TOKEN NAME, where the name "status" stands for the agent's own
// operation.
func askShared(args []string) error {
	c := Connect(args[0], "test", args[1]).Foreign()
	defer c.Close()
	if args[2] == "status" {
		_, err := c.AgentStatus(context.Background())
		return errors.Join(err, errAnswered(err))
	}
	v, err := get(c, args[2])
	if err != nil {
		return err
	}
	return fault.New(fault.Failed, "got %q", v)
}

func errAnswered(err error) error {
	if err != nil {
		return nil
	}
	return fault.New(fault.Failed, "it answered")
}

// TestI10SharedSocket: other users reach the shared socket, with a token and not without; it has no owner, not even for the uid that
// the agent runs as, and none of the agent's own operations.
func TestI10SharedSocket(t *testing.T) {
	t.Parallel()
	needRoot(t)
	h := newHome(t)
	dir, err := os.MkdirTemp("", "tacit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // others shall reach the socket
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "shared.sock")
	c, stop := h.start(func(o *Options) { o.Shared = Shared{Path: socket, Group: pathstest.UID} })
	h.unlock(c)
	set(t, c, "ci/one", "first")
	set(t, c, "prod/db", "second")
	made, err := h.direct().TokenCreate(t.Context(), owner, keeper.TokenRequest{Principal: "agent/demo", Allow: []string{"read ci/*"}})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(socket); err != nil || info.Mode().Perm() != sharedMode {
		t.Errorf("its mode: %v, %v", info, err)
	}
	if r := pathstest.AsUser(t, "ask", socket, made.Token, "ci/one"); r.Message != `got "first"` {
		t.Errorf("with a token: %+v", r)
	}
	if r := pathstest.AsUser(t, "ask", socket, made.Token, "prod/db"); r.Code != fault.Denied {
		t.Errorf("what the token does not permit: %+v", r)
	}
	for _, name := range []string{"ci/one", "status"} {
		if r := pathstest.AsUser(t, "ask", socket, "", name); r.Code != fault.Denied || !strings.Contains(r.Message, "token") {
			t.Errorf("%s without a token: %+v", name, r)
		}
	}
	if r := pathstest.AsUser(t, "ask", socket, made.Token, "status"); r.Code != fault.Denied {
		t.Errorf("an operation of the agent: %+v", r)
	}

	// The agent's own uid is nobody here.
	own := Connect(socket, "test", "")
	defer own.Close()
	if v, err := get(own, "ci/one"); !errors.Is(err, fault.Denied) || v != "" {
		t.Errorf("its own uid without a token: %q, %v", v, err)
	}
	for _, path := range []string{pathStatus, pathHello, pathLock, pathStop, pathUnlock, pathReload} {
		method := http.MethodPost
		if path == pathStatus {
			method = http.MethodGet
		}
		if err := own.Call(t.Context(), method, path, nil, nil); !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{pathStatus, wire.Status} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: tacit\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(conn)
		_ = conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") || !strings.Contains(string(answer), "Www-Authenticate: Bearer") {
			t.Errorf("%s without a token: %s", path, answer)
		}
	}
	mustGet(t, c, "ci/one", "first")
	if a, err := c.Audit(t.Context(), owner, keeper.AuditRequest{Principal: "agent/demo"}); err != nil || len(a.Records) == 0 || a.Records[0].UID != pathstest.UID {
		t.Errorf("the record of it: %+v, %v", a.Records, err)
	}
	stop()
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestI10SharedSocketNeedsItsDirectory: where others can put a socket of their own in its place, none is made.
func TestI10SharedSocketNeedsItsDirectory(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // the mistake of a user
		t.Fatal(err)
	}
	at := filepath.Join(dir, "s")
	if _, err := (Shared{Path: at, Group: -1}).listen(); !errors.Is(err, fault.Permissions) {
		t.Errorf("writable by all: %v", err)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, pathstest.UID, -1)); err != nil { //nolint:gosec // as above
		t.Fatal(err)
	}
	if _, err := (Shared{Path: at, Group: -1}).listen(); !errors.Is(err, fault.Permissions) {
		t.Errorf("another user's: %v", err)
	}
	if err := os.Chown(dir, 0, -1); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (Shared{Path: at, Group: -1}).listen(); !errors.Is(err, fault.Permissions) {
		t.Errorf("a file in its place: %v", err)
	}
}
