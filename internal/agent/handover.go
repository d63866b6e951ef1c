package agent

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/wire"
)

// How a root key goes from `tacit unlock` to the agent. It must not pass through the buffers of net/http or a JSON decoder, which
// would keep copies that nobody can wipe. So the request says everything but the key and asks to change the protocol (RFC 9110,
// section 7.8); the agent answers 101; then the 32 bytes go over the bare connection into memory that is wiped, and the agent
// answers with one line of JSON.

// protocol is what the request asks to change to.
const protocol = "tacit-root-key"

// rootKeySize is the length of a root key, in bytes.
const rootKeySize = 32

// handoverTime bounds how long the agent waits for a key, and for its own answer to be taken.
const handoverTime = 10 * time.Second

// The times that unlock may ask for.
const (
	minTime = time.Second
	maxTime = 366 * 24 * time.Hour
)

// unlockRequest is the request of an unlock.
type unlockRequest struct {
	Slot        string `json:"slot"` // that the key is from
	ForSeconds  int64  `json:"for_seconds"`
	IdleSeconds int64  `json:"idle_seconds"`
}

// unlockAnswer is the line that ends an unlock.
type unlockAnswer struct {
	Problem *client.HTTPProblem `json:"problem"` // null: the vault is unlocked
}

func (a *agent) unlock(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Upgrade") != protocol {
		return fault.New(fault.Usage, "request: unlock is for tacit itself")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	if err != nil {
		return fault.New(fault.Usage, "request: too long")
	}
	var in unlockRequest
	if err := wire.UnmarshalRequest(body, &in); err != nil {
		return err
	}
	most, idle := time.Duration(in.ForSeconds)*time.Second, time.Duration(in.IdleSeconds)*time.Second
	for _, d := range []time.Duration{most, idle} {
		if d < minTime || d > maxTime {
			return fault.New(fault.Usage, "unlock: the time must be between 1s and 366d")
		}
	}
	conn, ahead, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fault.New(fault.Failed, "unlock: this connection cannot carry a key")
	}
	defer conn.Close()
	if ahead.Reader.Buffered() > 0 {
		return nil // the key came before it was asked for and is where it should not be
	}
	_ = conn.SetDeadline(time.Now().Add(handoverTime))
	if _, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: %s\r\n\r\n", protocol, wire.HeaderVersion, a.Version); err != nil {
		return nil // nobody is there
	}
	var answer unlockAnswer
	if err := a.take(conn, in.Slot, most, idle); err != nil {
		p := wire.ProblemOf(err, 0)
		answer.Problem = &p
	}
	if b, err := wire.Marshal(answer); err == nil {
		_, _ = conn.Write(append(b, '\n'))
	}
	return nil
}

// take reads the key and unlocks the vault with it.
func (a *agent) take(conn io.Reader, slot string, most, idle time.Duration) error {
	key := make([]byte, rootKeySize)
	defer clear(key)
	if _, err := io.ReadFull(conn, key); err != nil {
		return fault.New(fault.Failed, "unlock: the key did not arrive")
	}
	return a.state.unlock(context.Background(), key, slot, most, idle)
}

// handOver is the other side: it sends a root key over a new connection to an agent, and returns when the agent has proved that
// the key opens the vault.
func handOver(conn net.Conn, version string, rootKey []byte, in unlockRequest) error {
	_ = conn.SetDeadline(time.Now().Add(3 * handoverTime))
	body, err := wire.MarshalRequest(in)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: tacit\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		pathUnlock, protocol, wire.HeaderVersion, version, wire.JSON, len(body), body); err != nil {
		return lost(err)
	}
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
	if err != nil {
		return lost(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols || answer.Header.Get("Upgrade") != protocol {
		var p client.HTTPProblem
		b, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
		if wire.Unmarshal(b, &p) != nil || p.Code == "" {
			return fault.New(fault.Unavailable, "the agent does not understand unlock").WithFix("tacit agent stop, then try again")
		}
		return wire.ErrorOf(p)
	}
	if _, err := conn.Write(rootKey); err != nil {
		return lost(err)
	}
	line, err := r.ReadBytes('\n')
	if err != nil {
		return lost(err)
	}
	var last unlockAnswer
	if err := wire.Unmarshal(line, &last); err != nil {
		return lost(err)
	}
	if last.Problem != nil {
		return wire.ErrorOf(*last.Problem)
	}
	return nil
}

func lost(err error) error { return fault.Wrap(fault.Unavailable, err, "the agent did not answer") }
