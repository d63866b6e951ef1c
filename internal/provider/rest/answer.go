package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

// maxWait bounds what a store may ask us to wait.
const maxWait = 24 * time.Hour

// JSON decodes an answer, strictly; members that into does not have are skipped. The error has class fault.Invalid and holds nothing
// of the answer.
func (c *Client) JSON(r Request, a *Answer, into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return provider.Errorf(fault.Invalid, c.name, "%sthe answer is not what this store answers", r.what()).
			WithFix("check the address: is it the store's, or that of something in between?")
	}
	return nil
}

// Refused returns the error for an answer that is not what was hoped for, by its status. words are the store's own, from a list that the
// provider knows ("AccessDeniedException"), never text as it came; empty: none. A provider that knows better what the answer means
// says so with [Client.Error].
func (c *Client) Refused(r Request, a *Answer, words string) error {
	return c.Error(classOf(a.Status), r, a, words)
}

// Error is [Client.Refused] for an answer whose class the provider knows. The Retry-After of the answer is part of it (see
// [provider.RetryAfter]).
func (c *Client) Error(class fault.Code, r Request, a *Answer, words string) error {
	said := strconv.Itoa(a.Status)
	if words != "" {
		said += " " + words
	}
	e := provider.Errorf(class, c.name, "%sthe store answered %s", r.what(), said).WithFix("%s", wayOut(class))
	switch {
	case class == fault.Unavailable && a.Status == http.StatusNotFound:
		e.Message += ", and not in its own words"
		_ = e.WithFix("check the address: a 404 that does not name the secret is no proof that it is not there")
	case a.Status/100 == 3:
		e.Message += ": it points to another address, where nothing is sent"
		_ = e.WithFix("give the provider the address itself")
	}
	return provider.WithRetryAfter(e, RetryAfter(a.Header, c.now()))
}

// wayOut is what helps when nothing more is known than the class.
func wayOut(class fault.Code) string {
	switch class {
	case fault.Denied:
		return "check who the store takes us for and what it permits: docs/providers says what is needed"
	case fault.Limited:
		return "wait a little and try again"
	case fault.Unavailable:
		return "try again, or see with `tacit provider health` which stores answer"
	}
	return "docs/providers says what this store takes"
}

// classOf is what a status means when nothing else is known. None means fault.NotFound.
func classOf(status int) fault.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return fault.Denied
	case http.StatusTooManyRequests:
		return fault.Limited
	case http.StatusConflict, http.StatusPreconditionFailed:
		return fault.Conflict
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return fault.Invalid
	}
	return fault.Unavailable
}

// RetryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds or a date. What cannot be read is 0; more than a day is
// a day.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	s := strings.TrimSpace(h.Get("Retry-After"))
	var d time.Duration
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		d = at.Sub(now)
	}
	return max(0, min(d, maxWait))
}
