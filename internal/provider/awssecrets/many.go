package awssecrets

import (
	"context"
	"errors"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/awsapi"
)

// batchSize is how many names BatchGetSecretValue takes.
const batchSize = 20

// ReadMany implements [provider.Batch]: one request for twenty current versions, several at once; other versions one by one. Where a
// policy allows reading and not reading in batches, and where AWS leaves a name out, they are asked for by themselves.
func (s *store) ReadMany(ctx context.Context, asked []provider.Asked) []provider.Answer {
	return awsapi.Many{
		Store: s.name, Size: batchSize, Batch: s.batch, Read: s.Read,
		Alone: func(a provider.Asked) bool { return a.Version != "" },
		Again: func(err error, of int) bool {
			return errors.Is(err, errUnanswered) || of > 1 && awsapi.CodeOf(err) == "AccessDeniedException"
		},
	}.Ask(ctx, asked)
}

// errUnanswered is a name that a batch says nothing about.
var errUnanswered = errors.New("unanswered")

// batch asks for up to twenty, and answers in their order.
func (s *store) batch(ctx context.Context, names []string) []provider.Answer {
	answers := make([]provider.Answer, len(names))
	ids := make([]string, len(names))
	for i, n := range names {
		ids[i] = s.prefix + n
	}
	var out struct {
		SecretValues []value `json:"SecretValues"`
		Errors       []struct {
			SecretID  string `json:"SecretId"`
			ErrorCode string `json:"ErrorCode"`
			Message   string `json:"Message"`
		} `json:"Errors"`
	}
	if err := s.api.Call(ctx, "read many secrets", "BatchGetSecretValue", map[string][]string{"SecretIdList": ids}, &out); err != nil {
		for i := range answers {
			answers[i].Err = err
		}
		return answers
	}
	values := map[string]value{}
	for _, v := range out.SecretValues {
		values[v.Name] = v
	}
	for i, n := range names {
		if v, ok := values[ids[i]]; ok {
			answers[i].Item, answers[i].Err = s.item(n, v)
		} else {
			answers[i].Err = errUnanswered // unless there is an error for it
		}
	}
	for _, e := range out.Errors {
		for i, id := range ids {
			if _, there := values[id]; id == e.SecretID && !there {
				answers[i].Err = s.refused(names[i], e.ErrorCode, e.Message)
			}
		}
	}
	return answers
}

// refused is the error for one of many.
func (s *store) refused(name, code, message string) error {
	switch class, ok := awsapi.Class(code); {
	case code == "ResourceNotFoundException":
		return s.missing(name, "")
	case awsapi.MarkedForDeletion(code, message):
		return s.marked(name)
	case ok:
		return provider.Errorf(class, s.name, "read %s: the store answered %s", name, code).About(name).
			WithFix("docs/providers says what this store takes, and what it must permit")
	}
	return provider.Errorf(fault.Unavailable, s.name, "read %s: the store did not answer for it", name).About(name).WithFix("try again")
}
