package wire

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/transfer/jsonstream"
)

// MaxMany is how many secrets one request may ask for.
const MaxMany = 256

// What get-many asks and answers is written by hand for the same reason as what get does: see [AppendRead].

// AppendGetMany writes rs as client.GetManyRequest. Text that is not UTF-8 is an error of the builder.
func AppendGetMany(b *jsonstream.Builder, rs []keeper.GetRequest) {
	b.Open('{')
	b.Key("requests")
	b.Open('[')
	for i := range rs {
		AppendGet(b, &rs[i])
	}
	b.Close(']')
	b.Close('}')
}

// ToGetMany returns what r asks for.
func ToGetMany(r client.GetManyRequest) ([]keeper.GetRequest, error) {
	if n := len(r.Requests); n == 0 || n > MaxMany {
		return nil, fault.New(fault.Usage, "request: from 1 to %d secrets, not %d", MaxMany, n)
	}
	out := make([]keeper.GetRequest, len(r.Requests))
	for i := range r.Requests {
		out[i] = ToGet(r.Requests[i])
	}
	return out, nil
}

// AppendMany writes answers as client.ReadMany.
func AppendMany(b *jsonstream.Builder, answers []keeper.Answer) error {
	size := 0
	for i := range answers {
		size += 1<<10 + answers[i].Value.Len()
	}
	b.Grow(size)
	b.Open('{')
	b.Key("answers")
	b.Open('[')
	for i := range answers {
		b.Open('{')
		b.Key("read")
		if err := answers[i].Err; err == nil {
			AppendRead(b, &answers[i].Read)
			b.Key("problem")
			b.Null()
		} else {
			problem, merr := Marshal(ProblemOf(err, 0))
			if merr != nil {
				return merr
			}
			b.Null()
			b.Key("problem")
			b.Object(problem)
		}
		b.Close('}')
	}
	b.Close(']')
	b.Close('}')
	return nil
}

// ParseMany reads client.ReadMany. When something is not as expected there are no answers.
func ParseMany(doc []byte) ([]keeper.Answer, error) {
	p := parser{jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true))}
	var answers []keeper.Answer
	err := p.object(func(key []byte) error {
		if string(key) != "answers" {
			return p.dec.SkipValue()
		}
		if err := p.expect('['); err != nil {
			return err
		}
		for p.dec.PeekKind() == '{' {
			a, err := p.answer()
			if err != nil {
				return err
			}
			answers = append(answers, a)
		}
		return p.expect(']')
	})
	if err != nil {
		for _, a := range answers {
			a.Value.Wipe()
		}
		return nil, fault.New(fault.Failed, "the answer to get-many is not as expected")
	}
	return answers, nil
}

// answer reads client.ReadAnswer: of its two members one is null.
func (p *parser) answer() (a keeper.Answer, err error) {
	some := 0
	err = p.object(func(key []byte) error {
		name := string(key)
		if name != "read" && name != "problem" {
			return p.dec.SkipValue()
		}
		if p.null() {
			return nil
		}
		some++
		if name == "read" {
			var err error
			a.Read, err = p.read()
			return err
		}
		raw, err := p.dec.ReadValue()
		if err != nil {
			return err
		}
		var problem client.HTTPProblem
		if err := Unmarshal(raw, &problem); err != nil || problem.Code == "" {
			return errShape
		}
		a.Err = ErrorOf(problem)
		return nil
	})
	if err == nil && some != 1 {
		err = errShape
	}
	if err != nil {
		a.Value.Wipe()
	}
	return a, err
}
