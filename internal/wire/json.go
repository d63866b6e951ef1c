package wire

import (
	"errors"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tacit/internal/fault"
)

// Marshal returns v, a shape of package client, as JSON in one line: absent lists as [], text that is not UTF-8 repaired.
func Marshal(v any) ([]byte, error) {
	return json.Marshal(v, jsontext.AllowInvalidUTF8(true))
}

// MarshalRequest is Marshal, but text that is not UTF-8 is an error of class fault.Invalid: a request must not change on its way.
func MarshalRequest(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, NotText()
	}
	return b, nil
}

// NotText is the error for a request that JSON cannot carry.
func NotText() error {
	return fault.New(fault.Invalid, "only text that is UTF-8, and times up to the year 9999, can be sent to the agent or a server")
}

// UnmarshalRequest reads a request strictly into v. Its errors are of class fault.Usage and quote no value.
func UnmarshalRequest(b []byte, v any) error {
	return requestError(json.Unmarshal(b, v, json.RejectUnknownMembers(true)))
}

// Unmarshal reads an answer into v. Members that are not known are skipped.
func Unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

// requestError says where a request is wrong. The text of err may quote what stands there, which may be a value.
func requestError(err error) error {
	var (
		syntax   *jsontext.SyntacticError
		semantic *json.SemanticError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic) && errors.Is(semantic.Err, json.ErrUnknownName):
		return fault.New(fault.Usage, "request: unknown member %q", clip(string(semantic.JSONPointer)))
	case errors.As(err, &semantic):
		return fault.New(fault.Usage, "request: %q has the wrong type or form", clip(string(semantic.JSONPointer)))
	case errors.As(err, &syntax) && errors.Is(syntax.Err, jsontext.ErrDuplicateName):
		return fault.New(fault.Usage, "request: %q is there twice", clip(string(syntax.JSONPointer)))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Usage, "request: the JSON ends too early")
	case errors.As(err, &syntax):
		return fault.New(fault.Usage, "request: not valid JSON at byte %d", syntax.ByteOffset)
	}
	return fault.New(fault.Usage, "request: not valid JSON")
}

// clip bounds what of a request is repeated in an answer.
func clip(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}
