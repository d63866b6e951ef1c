package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/engine/enginetest"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/paths/pathstest"
)

// children are run as another user by the tests of attacks.
var children = map[string]func(args []string) error{
	"connect": func(args []string) error { // says what came back
		conn, err := net.Dial("unix", args[0])
		if err != nil {
			return fault.New(fault.Unavailable, "%v", err)
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: tacit\r\n\r\n", pathStatus)
		b, _ := io.ReadAll(conn)
		return fault.New(fault.Failed, "answer: %q", b)
	},
	"ask": askShared,
	"impersonate": func(args []string) error { // an agent of another user
		l, err := net.Listen("unix", args[0])
		if err != nil {
			return err
		}
		if err := os.Chmod(args[0], 0o666); err != nil { //nolint:gosec // an attacker's
			return err
		}
		fmt.Println("listening")
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		b, _ := io.ReadAll(conn)
		return fault.New(fault.Failed, "got %q", b)
	},
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to run as another user")
	}
}

// TestI10AnotherUser reaches the socket, which somebody made possible, and is not heard.
func TestI10AnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	h := newHome(t)
	c, _ := h.start()
	h.unlock(c)
	socket := h.layout().Socket
	if r := pathstest.AsUser(t, "connect", socket); r.Code != fault.Unavailable || !strings.Contains(r.Message, "permission denied") {
		t.Errorf("with the modes as they are: %+v", r)
	}
	for dir := filepath.Dir(socket); dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the mistake of a user
			t.Fatal(err)
		}
	}
	if err := os.Chmod(socket, 0o666); err != nil { //nolint:gosec // the mistake of a user
		t.Fatal(err)
	}
	if r := pathstest.AsUser(t, "connect", socket); r.Code != fault.Failed || r.Message != `answer: ""` {
		t.Errorf("with the doors open: %+v", r)
	}
	if _, err := c.AgentStatus(t.Context()); err != nil {
		t.Errorf("and its own user: %v", err)
	}
}

// TestI09ListenerOfAnotherUser: root is another user too, and here the other way round: what another user listens with is not talked
// to by root, who could reach it.
func TestI09ListenerOfAnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	h := newHome(t)
	socket := filepath.Join(pathstest.Dir(t), "agent.sock")
	child := pathstest.Command(t, "impersonate", socket)
	child.Env = append(child.Env, fmt.Sprintf("TACIT_TEST_UID=%d", pathstest.UID))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := child.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "listening\n" {
		t.Fatal(line, err)
	}
	if err := Connect(socket, "test", "").Unlock(t.Context(), 0, h.key, h.slot, time.Hour, time.Hour); !errors.Is(err, fault.Denied) {
		t.Errorf("%v", err)
	}
	said, _ := io.ReadAll(errs)
	_ = child.Wait()
	if !strings.Contains(string(said), `got \"\"`) {
		t.Errorf("it heard something: %s", said)
	}
}

// TestI09FakeListener: another program of our own user at the socket gets no key.
func TestI09FakeListener(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		peer    Peer
		started int
		refused bool
	}{
		{"this program", Peer{PID: os.Getpid(), Executable: "/proc/self/exe"}, 0, false},
		{"the process that we started", Peer{PID: 1}, 1, false},
		{"init", Peer{PID: 1, Executable: "/sbin/init"}, 0, true},
		{"another process than we started", Peer{PID: 1, Executable: "/sbin/init"}, os.Getpid(), true},
		{"one that the kernel does not name", Peer{}, 0, true},
	} {
		if err := verify(tt.peer, tt.started, "/s"); (err != nil) != tt.refused || err != nil && !errors.Is(err, fault.Denied) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestI31NothingOfOwnerOnTheSocket tries every presence operation, under every name that somebody might have given it.
func TestI31NothingOfOwnerOnTheSocket(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c, _ := h.start()
	h.unlock(c)
	set(t, c, "a", "one")
	for _, noun := range []string{"", "/slot", "/slots", "/vault", "/secret", "/root", "/service", "/credential", "/network", "/audit", "/agent", "/owner", "/token", "/policy"} {
		for _, verb := range []string{
			"add", "remove", "rm", "slot-add", "slots", "test", "rotate-root", "rotate_root", "export", "backup", "restore", "import-backup", "replace", "unseal",
			"readable", "init", "handover", "hand-over", "adopt", "prune", "accept", "accept-rollback", "doctor", "repin", "key", "root",
		} {
			path := "/api/v1" + noun + "/" + verb
			if slices.Contains([]string{"/api/v1/secret/remove", "/api/v1/credential/remove", "/api/v1/audit/export", "/api/v1/policy/test"}, path) {
				continue // what everybody may be permitted to do
			}
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				err := c.Call(t.Context(), method, path, nil, nil)
				if err == nil || !strings.Contains(err.Error(), "no such operation") {
					t.Errorf("%s %s: %v", method, path, err)
				}
			}
		}
	}
	sealed := true
	_, err := c.Set(t.Context(), owner, keeper.SetRequest{Ref: keeper.Ref{Name: "sealed"}, Generate: &keeper.Generate{Length: 20, Kind: "alnum"}, Via: "set", Sealed: &sealed, Service: "openai"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(c, "sealed"); !errors.Is(err, fault.Sealed) {
		t.Errorf("a sealed value: %v", err)
	}
}

// A token that nobody made is nobody's, at every operation, and none makes the agent's own operations possible.
func TestTokensAreNoOwner(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c, _ := h.start()
	h.unlock(c)
	set(t, c, "a", "one")
	for _, token := range []string{"tacit_x", "x", strings.Repeat("tacit_", 100)} {
		bad := Connect(h.layout().Socket, "test", token)
		if v, err := get(bad, "a"); err == nil {
			t.Errorf("%.10s: got %q", token, v)
		}
		_, status := bad.AgentStatus(t.Context())
		_, hello := bad.Hello(t.Context())
		_, reload := bad.Reload(t.Context())
		for what, err := range map[string]error{"status": status, "hello": hello, "reload": reload, "lock": bad.Lock(t.Context()), "stop": bad.Stop(t.Context())} {
			if !errors.Is(err, fault.Denied) {
				t.Errorf("%s with a token: %v", what, err)
			}
		}
		_ = bad.Close()
	}
	for _, header := range []string{"Basic x", "Bearer ", "Bearer", "bearer tacit_x", ""} {
		if answer := raw(t, h, "GET "+pathStatus+" HTTP/1.1\r\nHost: tacit\r\nConnection: close\r\nAuthorization: "+header+"\r\n\r\n"); !strings.Contains(answer, `"denied"`) {
			t.Errorf("%q: %s", header, answer)
		}
	}
	mustGet(t, c, "a", "one")
}

// raw sends text to the agent and returns all that comes back.
func raw(t *testing.T, h *home, text string) string {
	t.Helper()
	conn, err := net.Dial("unix", h.layout().Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(2 * handoverTime))
	b, _ := io.ReadAll(conn)
	return string(b)
}

// An unlock that is not done as tacit does it is none.
func TestHandoverAbuse(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	c, _ := h.start()
	body := fmt.Sprintf(`{"slot":%q,"for_seconds":3600,"idle_seconds":3600}`, h.slot)
	ask := func(upgrade, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: tacit\r\nConnection: Upgrade, close\r\nUpgrade: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			pathUnlock, upgrade, len(body), body)
	}
	for what, text := range map[string]string{
		"a key in JSON":        ask("", `{"slot":"1","root_key":"AAAA","for_seconds":1,"idle_seconds":1}`),
		"another protocol":     ask("websocket", body),
		"no JSON":              ask(protocol, "x"),
		"an unknown member":    ask(protocol, `{"slot":"1","for_seconds":1,"idle_seconds":1,"more":1}`),
		"a huge body":          ask(protocol, strings.Repeat(" ", 4096)+body),
		"a key too early":      ask(protocol, body) + string(h.key),
		"too long a time":      ask(protocol, `{"slot":"1","for_seconds":9223372036854775807,"idle_seconds":1}`),
		"a key that is short":  ask(protocol, body) + "short",
		"nothing but a method": "POST " + pathUnlock + " HTTP/1.1\r\nHost: tacit\r\nConnection: close\r\n\r\n",
	} {
		if answer := raw(t, h, text); strings.Contains(answer, `"problem":null`) {
			t.Errorf("%s: %q", what, answer)
		}
		if r, err := c.AgentStatus(t.Context()); err != nil || !r.Locked {
			t.Errorf("%s: unlocked, %v", what, err)
		}
	}
	h.unlock(c)
}

// After ten thousand requests, and connections that break off, the agent holds no more files and no more goroutines (goleak) than
// before.
func TestNoDescriptorLeaks(t *testing.T) {
	h := newHome(t)
	c, stop := h.start()
	h.unlock(c)
	set(t, c, "a", "one")
	mustGet(t, c, "a", "one")
	before := descriptors(t)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			own := Connect(h.layout().Socket, "test", "")
			defer own.Close()
			for i := range 10_000 / 8 / enginetest.Slow {
				switch {
				case i%100 == 99: // another connection, which breaks off
					conn, err := net.Dial("unix", h.layout().Socket)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.WriteString(conn, "POST /api/v1/secret/get HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
					_ = conn.Close()
				default:
					if v, err := get(own, "a"); err != nil || v != "one" {
						t.Errorf("%q, %v", v, err)
						return
					}
				}
			}
		})
	}
	callers.Wait()
	deadline, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for r, err := c.AgentStatus(deadline); err != nil || r.Callers > 1; r, err = c.AgentStatus(deadline) {
		if err != nil {
			t.Fatalf("%d connections are left: %v", r.Callers, err)
		}
	}
	if after := descriptors(t); after > before+2 {
		t.Errorf("%d open files before, %d after", before, after)
	}
	stop()
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}
