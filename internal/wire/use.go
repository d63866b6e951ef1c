package wire

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"tacit/client"
	"tacit/internal/broker"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// FromLimit returns the shape of r.
func FromLimit(r keeper.LimitRequest) client.LimitRequest {
	return client.LimitRequest{
		Capability: r.ID, RatePerMinute: r.RatePerMinute, MaxRequestBytes: r.MaxRequestBytes, MaxResponseBytes: r.MaxResponseBytes,
		TimeoutMS: millis(r.Timeout), Redact: r.Redact,
	}
}

// ToLimit returns what r asks for.
func ToLimit(r client.LimitRequest) keeper.LimitRequest {
	out := keeper.LimitRequest{
		ID: r.Capability, RatePerMinute: r.RatePerMinute, MaxRequestBytes: r.MaxRequestBytes, MaxResponseBytes: r.MaxResponseBytes,
		Redact: r.Redact,
	}
	if r.TimeoutMS != nil {
		d := ofMillis(*r.TimeoutMS)
		out.Timeout = &d
	}
	return out
}

// FromBind returns the shape of r.
func FromBind(r keeper.BindRequest) client.BindRequest { return client.BindRequest(r) }

// ToBind returns what r asks for.
func ToBind(r client.BindRequest) keeper.BindRequest { return keeper.BindRequest(r) }

// ToInvoke returns what r asks for.
func ToInvoke(r client.InvokeRequest) (keeper.UseRequest, []byte, error) {
	out := keeper.UseRequest{
		Capability: r.Capability, Credential: r.Credential, Timeout: ofMillis(r.TimeoutMS),
		Request: broker.Request{Method: r.Method, Path: r.Path, Query: r.Query, Header: header(r.Headers)},
	}
	bodies := 0
	var body []byte
	if len(r.Body) > 0 {
		bodies++
		body = r.Body
		if _, said := out.Header["Content-Type"]; !said {
			out.Header["Content-Type"] = []string{JSON}
		}
	}
	if r.BodyText != nil {
		bodies++
		body = []byte(*r.BodyText)
	}
	if r.BodyBase64 != nil {
		bodies++
		var err error
		if body, err = base64.StdEncoding.Strict().DecodeString(*r.BodyBase64); err != nil {
			return out, nil, fault.New(fault.Usage, "request: body_base64 is not base64")
		}
	}
	if bodies > 1 {
		return out, nil, fault.New(fault.Usage, "request: body, body_text and body_base64 exclude each other")
	}
	return out, body, nil
}

// FromUse returns the line before the body of r.
func FromUse(r keeper.UseRequest) client.UseHead {
	length := r.ContentLength
	if r.Body == nil {
		length = 0
	}
	var token []client.TokenPlace
	for _, p := range r.Token {
		token = append(token, client.TokenPlace(p))
	}
	return client.UseHead{
		Capability: r.Capability, Service: r.Service, Credential: r.Credential, Method: r.Method, Path: r.Path, Query: r.Query,
		Headers: r.Header, ContentLength: length, TimeoutMS: r.Timeout.Milliseconds(),
		Token: token,
	}
}

// ToUse returns what a line asks for, without the body.
func ToUse(h client.UseHead) keeper.UseRequest {
	var token []keeper.TokenPlace
	for _, p := range h.Token {
		token = append(token, keeper.TokenPlace(p))
	}
	return keeper.UseRequest{
		Capability: h.Capability, Service: h.Service, Credential: h.Credential, Timeout: ofMillis(h.TimeoutMS), Token: token,
		Request: broker.Request{Method: h.Method, Path: h.Path, Query: h.Query, Header: header(h.Headers), ContentLength: h.ContentLength},
	}
}

// FromUsed returns the line before the body of an answer.
func FromUsed(u *keeper.Used) client.UsedHead {
	return client.UsedHead{Capability: u.Capability, Credential: u.Credential, Status: u.Status, Headers: u.Header}
}

// EncodeEnd returns what stands in the trailer; err is what ended the body too early.
func EncodeEnd(s broker.Stats, err error) string {
	end := client.UsedEnd{BytesUp: s.BytesUp, BytesDown: s.BytesDown, Redactions: s.Redactions}
	if err != nil {
		p := ProblemOf(err, 0)
		end.Problem = &p
	}
	b, err := Marshal(end)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}

// DecodeEnd reads what EncodeEnd wrote. ok is false when it is nothing of the kind.
func DecodeEnd(s string) (stats broker.Stats, problem error, ok bool) { //nolint:revive // the error is part of what was read
	b, err := base64.StdEncoding.DecodeString(s)
	var end client.UsedEnd
	if err != nil || len(b) == 0 || Unmarshal(b, &end) != nil {
		return stats, nil, false
	}
	if end.Problem != nil {
		problem = ErrorOf(*end.Problem)
	}
	return broker.Stats{BytesUp: end.BytesUp, BytesDown: end.BytesDown, Redactions: end.Redactions}, problem, true
}

// header returns headers with canonical names; of names that differ only in case the values stand behind each other.
func header(h map[string][]string) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		out[name] = append(out[name], values...)
	}
	return out
}

func millis(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	n := d.Milliseconds()
	return &n
}

func ofMillis(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(max(n, 0), most)) * time.Millisecond
}

// FromInvoked returns an answer as one shape: its body as JSON if it is that, as text if it is UTF-8, else in base64.
func FromInvoked(u *keeper.Used, body []byte, took time.Duration) client.Invoked {
	out := client.Invoked{
		Capability: u.Capability, Credential: u.Credential, Status: u.Status, Headers: map[string][]string{}, Redactions: u.Stats().Redactions,
		DurationMS: took.Milliseconds(),
	}
	for name, values := range u.Header {
		out.Headers[strings.ToLower(name)] = values
	}
	switch {
	case jsontext.Value(body).IsValid():
		out.Body = body
	case utf8.Valid(body):
		s := string(body)
		out.BodyText = &s
	default:
		s := base64.StdEncoding.EncodeToString(body)
		out.BodyBase64 = &s
	}
	return out
}
