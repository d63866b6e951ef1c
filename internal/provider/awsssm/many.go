package awsssm

import (
	"context"

	"tacit/internal/provider"
	"tacit/internal/provider/awsapi"
)

// batchSize is how many names GetParameters takes.
const batchSize = 10

// ReadMany implements [provider.Batch]: one request for ten current values, several at once; versions one by one. AWS denies a batch as
// a whole when one of its names is denied or cannot be decrypted, so then each is asked for by itself.
func (s *store) ReadMany(ctx context.Context, asked []provider.Asked) []provider.Answer {
	return awsapi.Many{
		Store: s.name, Size: batchSize, Batch: s.batch, Read: s.Read,
		Alone: func(a provider.Asked) bool { return a.Version != "" || s.holds(a.Name) != "" },
		Again: func(err error, of int) bool {
			code := awsapi.CodeOf(err)
			return of > 1 && (code == "AccessDeniedException" || code == "InvalidKeyId")
		},
	}.Ask(ctx, asked)
}

// batch asks for up to ten, and answers in their order.
func (s *store) batch(ctx context.Context, names []string) []provider.Answer {
	answers := make([]provider.Answer, len(names))
	in := struct {
		Names          []string `json:"Names"`
		WithDecryption bool     `json:"WithDecryption"`
	}{WithDecryption: true}
	for _, n := range names {
		in.Names = append(in.Names, s.prefix+n)
	}
	var out struct {
		Parameters        []parameter `json:"Parameters"`
		InvalidParameters []string    `json:"InvalidParameters"`
	}
	if err := s.api.Call(ctx, "read many parameters", "GetParameters", in, &out); err != nil {
		for i := range answers {
			answers[i].Err = err
		}
		return answers
	}
	found := map[string]parameter{}
	for _, p := range out.Parameters {
		found[p.Name] = p
	}
	missing := map[string]bool{}
	for _, full := range out.InvalidParameters {
		missing[full] = true
	}
	for i, n := range names {
		p, ok := found[s.prefix+n]
		switch absent := missing[s.prefix+n]; {
		case ok && !absent:
			answers[i].Item, answers[i].Err = s.item(n, "", p)
		case absent && !ok:
			answers[i].Err = provider.NotFound(s.name, n)
		default: // neither, or both
			answers[i].Err = s.lie(n)
		}
	}
	return answers
}
