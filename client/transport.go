package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
)

// Bounds of a whole answer and of a problem, in bytes.
const (
	maxAnswer  = 1 << 28
	maxProblem = 1 << 20
)

// Bounds of connections at once to an agent, which has 512 for all; more calls wait.
const (
	maxCalls = 32
	maxUses  = 256
)

// transport sends requests to one place.
type transport struct {
	place  place
	http   http.Client // for calls
	uses   http.Client // for uses, which take as long as their services do, so that no other call waits behind one
	header http.Header // of each request

	mu      sync.Mutex
	checked bool // that the agent at the socket is that of our vault
}

func newTransport(p place, workspace, group string, web *http.Client) *transport {
	t := &transport{place: p, header: http.Header{"User-Agent": {"tacit-go"}}}
	switch {
	case p.url == nil:
		t.http.Transport = &http.Transport{DialContext: t.dial, DisableCompression: true, MaxIdleConnsPerHost: 16, MaxConnsPerHost: maxCalls}
		t.uses.Transport = &http.Transport{DialContext: t.dial, DisableCompression: true, MaxIdleConnsPerHost: 16, MaxConnsPerHost: maxUses}
	case web != nil:
		t.http, t.uses = *web, *web
	default:
		t.http.Transport = http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // that is what it is
		t.uses.Transport = t.http.Transport
	}
	// A redirect would take the token, and maybe a value, to another place.
	t.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.uses.CheckRedirect = t.http.CheckRedirect
	if p.token != "" {
		t.header.Set("Authorization", "Bearer "+p.token)
	}
	if workspace != "" {
		t.header.Set("Tacit-Workspace", url.PathEscape(workspace))
	}
	if group != "" {
		t.header.Set("Tacit-Group", url.PathEscape(group))
	}
	return t
}

func (t *transport) close() {
	t.http.CloseIdleConnections()
	t.uses.CloseIdleConnections()
}

func (t *transport) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if !t.place.foreign {
		switch ours, err := t.place.ours(); {
		case err != nil:
			return nil, err
		case !ours:
			return nil, t.place.refused()
		}
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", t.place.socket)
}

// call makes one request; in nil makes it a GET.
func (t *transport) call(ctx context.Context, operation string, in, out any) error {
	if err := t.check(ctx); err != nil {
		return err
	}
	return t.exchange(ctx, operation, in, out)
}

func (t *transport) exchange(ctx context.Context, operation string, in, out any) error {
	method, kind, body := http.MethodGet, "", []byte(nil)
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return failure(codeUsage, "the request cannot be written as JSON", "")
		}
		defer clear(body)
		method, kind = http.MethodPost, mediaJSON
	}
	resp, err := t.send(ctx, method, operation, kind, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := readAll(resp.Body, maxAnswer)
	if err != nil {
		return t.broken(ctx, err)
	}
	defer clear(answer)
	if !isType(resp, mediaJSON) || json.Unmarshal(answer, out) != nil { // without the cause, which quotes from the answer
		return failure(ErrUnavailable, t.place.other()+": the answer is not as expected", "")
	}
	return nil
}

// The media types of requests and answers.
const (
	mediaJSON    = "application/json"
	mediaProblem = "application/problem+json"
	mediaStream  = "application/vnd.tacit.use"
)

// send sends a request and returns the answer when that is not a problem.
func (t *transport) send(ctx context.Context, method, operation, kind string, body io.Reader) (*http.Response, error) {
	base := "http://tacit"
	if t.place.url != nil {
		base = t.place.url.String()
	}
	r, err := http.NewRequestWithContext(ctx, method, base+"/api/v1/"+operation, body)
	if err != nil {
		return nil, failure(codeUsage, "the request cannot be made", "")
	}
	for name, values := range t.header {
		r.Header[name] = values
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	by := &t.http
	if strings.HasPrefix(operation, "capability/") {
		by = &t.uses
	}
	resp, err := by.Do(r)
	if err != nil {
		return nil, t.broken(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	var p HTTPProblem
	b, err := readAll(resp.Body, maxProblem)
	if err != nil {
		return nil, t.broken(ctx, err)
	}
	if !isType(resp, mediaProblem) || json.Unmarshal(b, &p) != nil || p.Code == "" {
		return nil, failure(ErrUnavailable, t.place.other()+" answered "+resp.Status+", which is nothing of tacit's", "")
	}
	return nil, ofProblem(p)
}

// check makes sure, once, that the agent at the socket is that of our vault.
func (t *transport) check(ctx context.Context) error {
	if t.place.vault == "" {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.checked {
		return nil
	}
	var report struct {
		Vault string `json:"vault"`
	}
	if err := t.exchange(ctx, "agent/status", nil, &report); err != nil {
		return err
	}
	if report.Vault != t.place.vault {
		return failure(ErrLocked, "the agent that runs is that of another vault", "tacit unlock")
	}
	t.checked = true
	return nil
}

// broken is the error for a connection that could not be made, or ended in the middle. What ended ctx comes first.
func (t *transport) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	e := failure(ErrUnavailable, "", "")
	switch {
	case t.place.socket == "":
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		e = t.place.absent()
	case errors.Is(err, fs.ErrPermission):
		e = failure(codePermissions, "the socket "+t.place.socket+" is somebody else's", "")
	}
	if e.Message == "" {
		var link *url.Error // names the URL and the method, which say nothing
		if errors.As(err, &link) {
			err = link.Err
		}
		e.Message = "ask " + t.place.other() + ": " + err.Error()
	}
	e.Err = err
	return e
}

func isType(resp *http.Response, kind string) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), kind)
}

func readAll(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = errors.New("the answer is too long")
	}
	return b, err
}
