package remote

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// follow makes a call whose answer is lines, and calls each with every one of them until it ends.
func (c *Client) follow(ctx context.Context, who keeper.Caller, path string, in any, each func(line []byte) error) error {
	body, err := wire.MarshalRequest(in)
	if err != nil {
		return err
	}
	resp, err := c.open(ctx, who, call{method: http.MethodPost, path: path, body: body})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), wire.Lines) {
		return c.notUnderstood("the answer is not JSON lines")
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 16<<10), wire.MaxLine)
	for lines.Scan() && ctx.Err() == nil {
		err := each(lines.Bytes())
		var problem *wire.StreamError
		switch {
		case errors.As(err, &problem):
			return problem.Fault
		case errors.Is(err, wire.ErrLine):
			return c.notUnderstood("the answer is not as expected")
		case err != nil:
			return err // each's own
		}
	}
	if err := errors.Join(lines.Err(), ctx.Err()); err != nil {
		return c.broken(ctx, err)
	}
	return nil
}

// Import implements keeper.API. r.Progress is told of what was sent.
func (c *Client) Import(ctx context.Context, who keeper.Caller, r keeper.ImportRequest, next func() (keeper.ImportEntry, error)) (client.Imported, error) {
	var out client.Imported
	head, err := wire.MarshalRequest(wire.FromImport(r))
	if err != nil {
		return out, err
	}
	up := &upload{next: next, progress: r.Progress, buf: append(head, '\n')}
	defer up.wipe()
	answer, err := c.exchange(ctx, who, call{method: http.MethodPost, path: wire.Import, lines: up, change: true})
	switch {
	case up.failed != nil:
		return out, up.failed
	case err != nil:
		return out, err
	}
	return out, c.unmarshal(answer, &out)
}

// An upload reads the entries of an import as lines. It holds one at a time. When next fails, the last line says so: the other
// side then records the failure and changes nothing.
type upload struct {
	next     func() (keeper.ImportEntry, error)
	progress keeper.Progress
	buf      []byte // of the line that is being read
	read     int    // bytes of buf that were
	sent     int    // entries
	done     bool
	failed   error // what next returned
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if u.read == len(u.buf) {
			if u.done {
				break
			}
			u.fill()
			continue
		}
		m := copy(p[n:], u.buf[u.read:])
		u.read += m
		n += m
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// fill makes the line of the next entry.
func (u *upload) fill() {
	u.wipe()
	e, err := u.next()
	if errors.Is(err, io.EOF) {
		u.done = true
		return
	}
	if err == nil {
		u.buf, err = wire.MarshalRequest(wire.FromEntry(e))
	}
	if err == nil && len(u.buf) >= wire.MaxLine {
		err = fault.New(fault.Invalid, "import: %s is too long", e.Name).About(e.Name)
	}
	if err != nil {
		u.wipe()
		u.done, u.failed = true, err
		u.buf, _ = wire.MarshalRequest(wire.Abandoned(err))
	}
	u.buf, u.read = append(u.buf, '\n'), 0
	if u.sent++; u.progress != nil && u.sent%1000 == 0 {
		u.progress(u.sent, 0)
	}
}

// wipe forgets the line that was read.
func (u *upload) wipe() {
	clear(u.buf)
	u.buf, u.read = u.buf[:0], 0
}
