package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// maxAnswer bounds a whole answer, in bytes: the metadata of a million secrets is less. maxProblem bounds a problem.
const (
	maxAnswer  = 1 << 30
	maxProblem = 1 << 20
)

// A call is one request.
type call struct {
	method string
	path   string
	body   []byte    // JSON; nil for none
	lines  io.Reader // instead of body: JSON lines
	stream io.Reader // instead of body: a line of JSON, then bytes; the answer may begin before its end
	change bool      // asking twice is not the same as asking once
}

// exchange makes a call and returns the whole answer, or the failure that it tells of.
func (c *Client) exchange(ctx context.Context, who keeper.Caller, what call) ([]byte, error) {
	resp, err := c.open(ctx, who, what)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), wire.JSON) {
		return nil, c.notUnderstood("the answer is not JSON")
	}
	b, err := readAll(resp, maxAnswer)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	return b, nil
}

// open makes a call and returns its answer when that is not a problem.
func (c *Client) open(ctx context.Context, who keeper.Caller, what call) (*http.Response, error) {
	resp, err := c.send.do(c.request(ctx, who, what), what)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	c.mu.Lock()
	c.version = resp.Header.Get(wire.HeaderVersion)
	c.mu.Unlock()
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.problem(ctx, resp)
}

// request builds the request of a call.
func (c *Client) request(ctx context.Context, who keeper.Caller, what call) *http.Request {
	u := c.target
	u.Path += what.path
	r := (&http.Request{Method: what.method, URL: &u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}}).WithContext(ctx)
	h := r.Header
	h["User-Agent"] = []string{"tacit/" + c.opts.Version}
	h[wire.HeaderVersion] = []string{c.opts.Version}
	switch {
	case who.Token.Len() > 0: // of a request that is passed on
		h["Authorization"] = []string{"Bearer " + string(who.Token.Reveal())}
	case c.opts.Token != "":
		h["Authorization"] = []string{"Bearer " + c.opts.Token}
	}
	if who.Workspace != "" {
		h[wire.HeaderWorkspace] = []string{url.PathEscape(who.Workspace)}
	}
	if who.Group != "" {
		h[wire.HeaderGroup] = []string{url.PathEscape(who.Group)}
	}
	switch {
	case what.lines != nil:
		h["Content-Type"] = []string{wire.Lines}
		r.Body, r.ContentLength = io.NopCloser(what.lines), -1
	case what.stream != nil:
		h["Content-Type"] = []string{wire.Stream}
		r.Body, r.ContentLength = io.NopCloser(what.stream), -1
	case what.body != nil:
		h["Content-Type"] = []string{wire.JSON}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(what.body)), int64(len(what.body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(what.body)), nil }
	}
	return r
}

// problem returns the failure that an answer tells of.
func (c *Client) problem(ctx context.Context, resp *http.Response) error {
	b, err := readAll(resp, maxProblem)
	if err != nil {
		return c.broken(ctx, err)
	}
	var p client.HTTPProblem
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), wire.Problem) || wire.Unmarshal(b, &p) != nil || p.Code == "" {
		return c.notUnderstood("it answered " + resp.Status)
	}
	failure := wire.ErrorOf(p)
	if failure.Code != fault.Usage {
		return failure
	}
	err, unknown := error(failure), p.Status == http.StatusNotFound
	if unknown || p.Status == http.StatusMethodNotAllowed || strings.HasPrefix(p.Detail, "request: unknown member") {
		if v := c.ServerVersion(); v != c.opts.Version {
			err = c.notUnderstood(strings.TrimPrefix(p.Detail, "request: ")) // it does not know what this version asks for
		}
	}
	if unknown {
		err = &unknownOperation{err}
	}
	return err
}

// broken is the error for a connection that could not be made, or ended in the middle. What ended ctx comes first.
func (c *Client) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var classed *fault.Error
	if errors.As(err, &classed) {
		return err
	}
	var link *url.Error // names the URL and the method, which say nothing
	if errors.As(err, &link) {
		err = link.Err
	}
	return fault.Wrap(fault.Unavailable, err, "ask %s", c.other())
}

// readAll reads a whole body into one piece of memory when its length is known.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	if n := resp.ContentLength; n >= 0 && n <= limit {
		b := make([]byte, n)
		_, err := io.ReadFull(resp.Body, b)
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = errors.New("the answer is too long")
	}
	return b, err
}
