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
	answers := make([]provider.Answer, len(asked))
	places := map[string][]int{} // of each name whose current version is asked for
	var names []string
	var single []int
	for i, a := range asked {
		switch err := provider.CheckName(s.name, a.Name); {
		case err != nil:
			answers[i].Err = err
		case a.Version != "" || s.holds(a.Name) != "":
			single = append(single, i)
		default:
			if places[a.Name] == nil {
				names = append(names, a.Name)
			}
			places[a.Name] = append(places[a.Name], i)
		}
	}
	batches := (len(names) + batchSize - 1) / batchSize
	again := make([][]int, batches) // what has to be asked for one by one after all
	awsapi.Each(batches+len(single), func(i int) {
		if i >= batches {
			n := single[i-batches]
			answers[n].Item, answers[n].Err = s.Read(ctx, asked[n].Name, asked[n].Version)
			return
		}
		part := names[i*batchSize : min((i+1)*batchSize, len(names))]
		got, err := s.batch(ctx, part)
		if code := awsapi.CodeOf(err); len(part) > 1 && (code == "AccessDeniedException" || code == "InvalidKeyId") {
			for _, n := range part {
				again[i] = append(again[i], places[n]...)
			}
			return
		}
		for n, name := range part {
			for _, at := range places[name] {
				if answers[at] = (provider.Answer{Err: err}); err == nil {
					answers[at] = got[n]
				}
			}
		}
	})
	var rest []int
	for _, part := range again {
		rest = append(rest, part...)
	}
	awsapi.Each(len(rest), func(i int) {
		n := rest[i]
		answers[n].Item, answers[n].Err = s.Read(ctx, asked[n].Name, "")
	})
	return answers
}

// batch asks for up to ten, and answers in their order.
func (s *store) batch(ctx context.Context, names []string) ([]provider.Answer, error) {
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
		return nil, err
	}
	found := map[string]parameter{}
	for _, p := range out.Parameters {
		found[p.Name] = p
	}
	missing := map[string]bool{}
	for _, full := range out.InvalidParameters {
		missing[full] = true
	}
	answers := make([]provider.Answer, len(names))
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
	return answers, nil
}
