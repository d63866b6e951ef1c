package awsapi

import (
	"context"

	"tacit/internal/provider"
)

// Many reads many secrets of a store whose API takes several names at once, for their current versions.
type Many struct {
	Store string                    // its name, for errors
	Size  int                       // how many names one request takes
	Alone func(provider.Asked) bool // what no request for several can read

	// Batch asks for up to Size names, and answers in their order.
	Batch func(ctx context.Context, names []string) []provider.Answer
	// Again reports whether a name is asked for by itself after all, by its error in a batch of so many.
	Again func(err error, of int) bool
	Read  func(ctx context.Context, name, version string) (provider.Item, error)
}

// Ask answers in the order of what is asked: with one request a batch, several of them at once, and the others one by one.
func (m Many) Ask(ctx context.Context, asked []provider.Asked) []provider.Answer {
	answers := make([]provider.Answer, len(asked))
	places := map[string][]int{} // of each name that a batch asks for
	var names []string
	var single []int
	for i, a := range asked {
		switch err := provider.CheckName(m.Store, a.Name); {
		case err != nil:
			answers[i].Err = err
		case m.Alone(a):
			single = append(single, i)
		default:
			if places[a.Name] == nil {
				names = append(names, a.Name)
			}
			places[a.Name] = append(places[a.Name], i)
		}
	}
	batches := (len(names) + m.Size - 1) / m.Size
	again := make([][]int, batches)
	read := func(i int) { answers[i].Item, answers[i].Err = m.Read(ctx, asked[i].Name, asked[i].Version) }
	Each(batches+len(single), func(i int) {
		if i >= batches {
			read(single[i-batches])
			return
		}
		part := names[i*m.Size : min((i+1)*m.Size, len(names))]
		for n, a := range m.Batch(ctx, part) {
			if a.Err != nil && m.Again(a.Err, len(part)) {
				again[i] = append(again[i], places[part[n]]...)
				continue
			}
			for _, at := range places[part[n]] {
				answers[at] = a
			}
		}
	})
	var rest []int
	for _, part := range again {
		rest = append(rest, part...)
	}
	Each(len(rest), func(i int) { read(rest[i]) })
	return answers
}
