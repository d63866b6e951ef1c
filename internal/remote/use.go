package remote

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"tacit/client"
	"tacit/internal/broker"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// Use implements keeper.API. The request's body is sent while it is read, and so is the answer's.
func (c *Client) Use(ctx context.Context, who keeper.Caller, r keeper.UseRequest) (*keeper.Used, error) {
	head, err := wire.MarshalRequest(wire.FromUse(r))
	if err != nil {
		return nil, err
	}
	up := io.Reader(bytes.NewReader(append(head, '\n')))
	if r.Body != nil {
		up = io.MultiReader(up, r.Body)
	}
	resp, err := c.open(ctx, who, call{method: http.MethodPost, path: wire.Use, stream: up, change: true})
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), wire.Stream) {
		_ = resp.Body.Close()
		return nil, c.notUnderstood("the answer is not a stream")
	}
	in := bufio.NewReaderSize(resp.Body, wire.MaxHead)
	line, err := in.ReadSlice('\n')
	if err != nil {
		_ = resp.Body.Close()
		return nil, c.broken(ctx, err)
	}
	var used client.UsedHead
	if err := c.unmarshal(line, &used); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	body := &answer{ctx: ctx, of: c, resp: resp, in: in}
	return &keeper.Used{
		Capability: used.Capability, Credential: used.Credential, Status: used.Status, Header: used.Headers, Body: body, Stats: body.stats,
	}, nil
}

// answer is the body of an answer. How it ended is in the trailer.
type answer struct {
	ctx  context.Context //nolint:containedctx // that of the call, which lasts until the body is closed
	of   *Client
	resp *http.Response
	in   *bufio.Reader

	mu  sync.Mutex
	end broker.Stats
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.in.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		stats, problem, ok := wire.DecodeEnd(a.resp.Trailer.Get(wire.HeaderEnd))
		if !ok {
			return n, a.of.broken(a.ctx, io.ErrUnexpectedEOF)
		}
		a.mu.Lock()
		a.end = stats
		a.mu.Unlock()
		if problem != nil {
			err = problem
		}
	case err != nil:
		err = a.of.broken(a.ctx, err)
	}
	return n, err
}

func (a *answer) stats() broker.Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.end
}

func (a *answer) Close() error { return a.resp.Body.Close() }
