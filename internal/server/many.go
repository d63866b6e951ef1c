package server

import (
	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
	"tacit/internal/wire"
)

// getMany answers for several secrets at once: as many of them as the keeper puts together.
func (s *server) getMany(x *exchange) error {
	var in client.GetManyRequest
	if err := x.read(&in); err != nil {
		return err
	}
	rs, err := wire.ToGetMany(in)
	if err != nil {
		return err
	}
	answers, err := keeper.GetSome(x.ctx(), s.API, x.caller, rs)
	if err != nil {
		return err
	}
	defer func() {
		for _, a := range answers {
			a.Value.Wipe()
		}
	}()
	var b jsonstream.Builder
	if err := wire.AppendMany(&b, answers); err != nil {
		text, _ := b.Built()
		clear(text)
		return fault.New(fault.Failed, "the answer cannot be written as JSON")
	}
	return x.answerBuilt(&b)
}
