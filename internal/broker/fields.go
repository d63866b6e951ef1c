package broker

import (
	"net/http"
	"slices"
	"strings"
)

// fields hides members of JSON in a stream.
type fields interface {
	// append appends to dst what may be passed on now that text has come. An error ends the stream.
	append(dst, text []byte) ([]byte, error)
	// end says whether the stream may end here.
	end() error
	// hidden returns how many members were hidden so far.
	hidden() int
}

// fieldsOf returns what hides the members that the capability and the use name in the answer; nil when there are none to hide.
//
// Members are hidden wherever they stand, in JSON, in sequences of JSON and in the events of a text/event-stream. What says that it is
// JSON and is not is cut off where that shows: what comes behind cannot be told apart.
//
// An answer in another form is passed on, but not where the capability returns new secrets and the request succeeded: then it may hold
// one, and is refused.
func fieldsOf(u *Use, answer *http.Response) (fields, error) {
	if len(u.Redact) == 0 && len(u.Capability.Returns) == 0 {
		return nil, nil
	}
	names := slices.Concat(u.Capability.Returns, u.Redact)
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	switch media = strings.ToLower(strings.TrimSpace(media)); {
	case media == "text/event-stream":
		return newEvents(names), nil
	case isJSON(media):
		return newMembers(names), nil
	case len(u.Capability.Returns) > 0 && answer.StatusCode < 400:
		return opaque{}, nil
	}
	return nil, nil
}

func isJSON(media string) bool {
	switch media {
	case "application/json", "text/json", "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines",
		"application/jsonlines", "application/json-seq":
		return true
	}
	return strings.HasSuffix(media, "+json")
}

// opaque is a stream of which nothing can be said: it may only be empty.
type opaque struct{}

func (opaque) append(dst, text []byte) ([]byte, error) {
	if len(text) > 0 {
		return dst, errNotJSON
	}
	return dst, nil
}

func (opaque) end() error { return nil }

func (opaque) hidden() int { return 0 }
