package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"tacit/internal/fault"
)

// An Origin says who is to blame for a request that has no answer.
type Origin string

// The origins.
const (
	FromBroker   Origin = "broker"   // it was refused here: nothing was sent, or it was cut off for what the caller asked or sent
	FromUpstream Origin = "upstream" // the service cannot be reached, or does not speak as it should
)

// A Problem is why there is no answer, or no more of it. It wraps the [fault.Error] that says it in words.
//
// The words are made of the method, the service and the canonical path, which the caller knows, and of phrases that stand here. The
// error of a transport is never among them: that of net/http holds the address that was sent, with the secret where a strategy puts it
// there, and bytes that the upstream sent (I30).
type Problem struct {
	Fault      *fault.Error
	Origin     Origin
	RetryAfter time.Duration // of class Limited: when it is worth trying again
}

func (p *Problem) Error() string { return p.Fault.Error() }

func (p *Problem) Unwrap() error { return p.Fault }

// limited returns a refusal of class Limited.
func limited(who share, wait time.Duration, format string, args ...any) error {
	e := fault.New(fault.Limited, who.capability+": "+format, args...).About(who.capability).
		WithFix("try again in %s, or let the owner change it: tacit capability limit %s", wait.Round(time.Millisecond), who.capability)
	return &Problem{e, FromBroker, wait}
}

func errClosed() error {
	return &Problem{fault.New(fault.Unavailable, "the broker is closed"), FromBroker, 0}
}

// Why a request was cancelled by the broker itself: causes of its context.
var (
	errSilent      = errors.New("no byte in either direction for too long")
	errTooLong     = errors.New("it took too long")
	errFinished    = errors.New("finished")
	errUploadLarge = errors.New("the request is too large")
	errAnswerLarge = errors.New("the answer is too large")
	errShortUpload = errors.New("the body of the request is shorter than was said")
	errUpload      = errors.New("the body of the request broke off")
	errCoding      = errors.New("it is in a coding that cannot be cleaned")
	errDecode      = errors.New("it is not in the coding that it says")
	errNoJSON      = errors.New("it is not the JSON that it says, so its fields cannot be hidden")
	errDeepJSON    = errors.New("it is nested too deeply for its fields to be hidden")
	errNotJSON     = errors.New("it is no JSON, so the fields that it may hold cannot be hidden")
	errSwitch      = errors.New("it asks to go on in another protocol")
	errStatus      = errors.New("its status is none")
	errMoved       = errors.New("the strategy changed where the request goes")
	errNotMatched  = errors.New("it was not judged by this capability")
	errNoSuchHost  = errors.New("the host is not one of the capability's")
)

// problem says in words that an exchange failed because of err.
func (x *exchange) problem(err error) error {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	if cause := context.Cause(x.ctx); cause != nil && !errors.Is(cause, errFinished) {
		err = cause // what the transport makes of it says less
	}
	if failed := x.upload.failed(); failed != nil {
		err = failed // the transport reports this too, in the middle of its own words
	}
	what := x.use.Request.what(x.use.Service)
	refuse := func(code fault.Code, format string, args ...any) *Problem {
		return &Problem{fault.New(code, "%s: "+format, append([]any{what}, args...)...).About(x.use.Capability.ID), FromBroker, 0}
	}
	blame := func(why string) *Problem {
		return &Problem{fault.New(fault.Unavailable, "%s: %s", what, why).About(x.use.Service.ID), FromUpstream, 0}
	}

	var addr *refusedAddress
	var f *fault.Error
	switch {
	case errors.As(err, &addr):
		p := refuse(fault.Denied, "the host is on an address that services may not have (%s)", addr.addr)
		p.Fault.Fix = "only a service of your own may use such addresses: network: {allow_private: true} in its file"
		return p
	case errors.Is(err, errUploadLarge):
		return refuse(fault.Invalid, "the request is larger than the %d bytes that it may have", x.use.Limits.MaxRequestBytes)
	case errors.Is(err, errAnswerLarge):
		return refuse(fault.Failed, "the answer is larger than the %d bytes that it may have", x.answerLimit)
	case errors.Is(err, errShortUpload), errors.Is(err, errUpload):
		return refuse(fault.Invalid, "%s", fixed(err, errShortUpload, errUpload))
	case errors.Is(err, errMoved), errors.Is(err, errNotMatched), errors.Is(err, errNoSuchHost):
		return refuse(fault.Denied, "%s", fixed(err, errMoved, errNotMatched, errNoSuchHost))
	case errors.Is(err, context.Canceled):
		return refuse(fault.Failed, "cancelled")
	case errors.Is(err, errSilent), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return blame("timed out")
	case errors.Is(err, errTooLong):
		return blame("took longer than " + MaxDuration.String())
	case errors.As(err, &f):
		return &Problem{fault.Wrap(f.Code, f, "%s", what), FromBroker, 0} // of a strategy, or of the system's certificates
	}
	return blame(phrase(err))
}

// fixed returns the words of the first of the errors that err is.
func fixed(err error, among ...error) string {
	for _, e := range among {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return "failed"
}

// phrase says what is wrong with an upstream, in words of its own.
func phrase(err error) string {
	answer := []error{errCoding, errDecode, errNoJSON, errDeepJSON, errNotJSON, errSwitch, errStatus}
	for _, e := range answer {
		if errors.Is(err, e) {
			return "the answer cannot be passed on: " + e.Error()
		}
	}
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "there is no such host"
	case errors.As(err, &dns):
		return "the name of the host cannot be resolved"
	case errors.As(err, &unknown):
		return "its certificate is signed by nobody who is trusted here"
	case errors.As(err, &name):
		return "its certificate is for another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet"
	case errors.As(err, &verify), errors.As(err, &invalid):
		return "its certificate cannot be verified"
	case errors.As(err, &alert), errors.As(err, &record), errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"):
		return "TLS with it fails"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case errors.As(err, &op) && op.Op == "dial":
		return "cannot be reached"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op):
		return "the connection broke"
	}
	return "it does not speak HTTP as it should"
}
