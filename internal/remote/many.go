package remote

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
	"tacit/internal/wire"
)

// A request for several secrets ends when their texts have maxMany bytes, and none has more than maxOne. A server refuses what is larger than
// 1 MiB, and then all of it; a byte of text is six in JSON at most.
const (
	maxMany = 128 << 10
	maxOne  = 16 << 10
)

var _ keeper.Batch = (*Client)(nil)

// GetMany implements keeper.Batch: with one request, if the other side knows it.
func (c *Client) GetMany(ctx context.Context, who keeper.Caller, rs []keeper.GetRequest) ([]keeper.Answer, error) {
	together := 0
	for size := 0; together < min(len(rs), wire.MaxMany) && size < maxMany; together++ {
		n, ok := length(&rs[together])
		if !ok {
			break
		}
		size += n
	}
	if together < 2 || c.single.Load() {
		return keeper.GetEach(ctx, c, who, rs[:min(len(rs), max(together, 1))]), nil
	}
	var b jsonstream.Builder
	wire.AppendGetMany(&b, rs[:together])
	body, err := b.Built()
	if err != nil {
		return nil, wire.NotText()
	}
	answer, err := c.exchange(ctx, who, call{method: http.MethodPost, path: wire.GetMany, body: body})
	if errors.As(err, new(*unknownOperation)) {
		c.single.Store(true)
		return keeper.GetEach(ctx, c, who, rs[:together]), nil
	}
	if err != nil {
		return nil, err
	}
	defer clear(answer)
	answers, err := wire.ParseMany(answer)
	if err == nil && (len(answers) == 0 || len(answers) > together) {
		wipe(answers)
		err = errors.New("the answer to get-many has another number of answers")
	}
	if err != nil {
		return nil, c.notUnderstood(err.Error())
	}
	return answers, nil
}

// length returns about how long a request is, in bytes. One that is too long, or that JSON cannot carry, is to be sent alone: what is wrong
// with it must not be said of others.
func length(r *keeper.GetRequest) (n int, ok bool) {
	n = 128
	for _, s := range [...]string{r.Name, r.Scope, r.Provider, r.Field, r.Door} {
		if !utf8.ValidString(s) {
			return n, false
		}
		n += len(s)
	}
	return n, n <= maxOne
}

func wipe(answers []keeper.Answer) {
	for _, a := range answers {
		a.Value.Wipe()
	}
}

// unknownOperation is the failure of a request that the other side does not know: its program is of another version.
type unknownOperation struct{ error }

func (u *unknownOperation) Unwrap() error { return u.error }
