package gcpsecrets

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/gcpcreds"
	"tacit/internal/provider/rest"
	"tacit/internal/settings"
)

// base is where Secret Manager is.
const base = "https://secretmanager.googleapis.com"

// api asks Secret Manager about the secrets of one project.
type api struct {
	name   string
	rest   *rest.Client
	source *gcpcreds.Source

	mu      sync.Mutex
	project string // empty: not known yet
}

func newAPI(name string, t *settings.Table, w provider.World, dial dialer) (*api, error) {
	a := &api{name: name, project: project(t)}
	client, err := rest.New(rest.Config{
		Name: name, Base: t.Text("endpoint", base), Debug: w.Debug, Getenv: w.Getenv, Now: w.Now, Dial: dial,
	})
	a.rest = client
	a.source = gcpcreds.New(gcpcreds.Config{Name: name, Audience: base + "/", World: w, Dial: dial})
	return a, err
}

func (a *api) close() { a.rest.Close() }

// where is the project whose secrets are meant.
func (a *api) where(ctx context.Context) (string, error) {
	a.mu.Lock()
	known := a.project
	a.mu.Unlock()
	if known != "" {
		return known, nil
	}
	p, err := a.source.Project(ctx)
	if err != nil {
		return "", err
	}
	if !isProject(p) {
		return "", provider.Errorf(fault.Usage, a.name, "nothing says which project of Google Cloud the secrets are in").
			WithFix("set secrets.providers.%s.project or GOOGLE_CLOUD_PROJECT", a.name)
	}
	a.mu.Lock()
	a.project = p
	a.mu.Unlock()
	return p, nil
}

// A call is one request below "/v1/projects/P/secrets".
type call struct {
	what   string // for errors
	method string // empty: GET
	path   string
	query  url.Values
	in     any // nil: no body
}

// do asks once, and once more with a fresh token when Google does not take the one that we have.
func (a *api) do(ctx context.Context, c call, out any) error {
	if err := provider.Ended(ctx, a.name); err != nil {
		return err
	}
	where, err := a.where(ctx)
	if err != nil {
		return err
	}
	token, err := a.source.Get(ctx)
	if err != nil {
		return err
	}
	err = a.once(ctx, where, c, token, out)
	if wordOf(err) != "UNAUTHENTICATED" {
		return err
	}
	a.source.Forget(token)
	fresh, again := a.source.Get(ctx)
	if again != nil || string(fresh.Bearer.Reveal()) == string(token.Bearer.Reveal()) {
		return err
	}
	return a.once(ctx, where, c, fresh, out)
}

func (a *api) once(ctx context.Context, where string, c call, token gcpcreds.Token, out any) error {
	r := rest.Request{
		What: c.what, Method: c.method, Path: "/v1/projects/" + where + "/secrets" + c.path, Query: c.query,
		Header: http.Header{"Authorization": {"Bearer " + string(token.Bearer.Reveal())}},
	}
	if token.Quota != "" {
		r.Header.Set("X-Goog-User-Project", token.Quota)
	}
	if c.in != nil {
		var err error
		if r.Body, err = json.Marshal(c.in); err != nil { // its text may hold the value
			return provider.Errorf(fault.Invalid, a.name, "%s: it cannot be written as JSON", c.what)
		}
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := a.rest.Do(ctx, r)
	switch {
	case err != nil:
		return err
	case answer.Status != http.StatusOK:
		return a.refused(r, answer)
	}
	return a.rest.JSON(r, answer, out)
}

// A refusal is what Google says no with (https://google.aip.dev/193).
type refusal struct {
	error         // of a class, for people
	word   string // "NOT_FOUND"
	absent bool   // it says so of a secret or a version
	off    bool   // the version is disabled or destroyed
}

func (r *refusal) Unwrap() error { return r.error }

// wordOf returns what Google refused with; empty: err is no refusal of Google's.
func wordOf(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.word
	}
	return ""
}

func isNotFound(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.absent
}

func isOff(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.off
}

// refused turns an answer that is an error into ours.
func (a *api) refused(r rest.Request, answer *rest.Answer) error {
	var said struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Status  string `json:"status"`
		} `json:"error"`
	}
	if json.Unmarshal(answer.Body, &said) != nil || said.Error.Code != answer.Status {
		return a.rest.Refused(r, answer, "")
	}
	word, message := said.Error.Status, said.Error.Message
	class, fix := classOf(word)
	if class == "" {
		return a.rest.Refused(r, answer, "")
	}
	err := a.rest.Error(class, r, answer, word)
	var e *fault.Error
	if errors.As(err, &e) && fix != "" {
		_ = e.WithFix("%s", fix)
	}
	return &refusal{
		error: err, word: word,
		// Google says NOT_FOUND of a method or a project as well, which proves nothing about a secret.
		absent: word == "NOT_FOUND" && strings.HasPrefix(message, "Secret "),
		off:    word == "FAILED_PRECONDITION" && (strings.Contains(message, "DISABLED") || strings.Contains(message, "DESTROYED")),
	}
}

// classOf is what a status of Google's means (google.rpc.Code), and what helps; empty: it is not known, and not repeated.
func classOf(word string) (class fault.Code, fix string) {
	switch word {
	case "PERMISSION_DENIED":
		return fault.Denied, "let whoever asks do this in IAM: docs/providers has the roles. The API must be enabled in the project, too"
	case "UNAUTHENTICATED":
		return fault.Denied, "get new credentials: `gcloud auth application-default login`, or whatever made these"
	case "RESOURCE_EXHAUSTED":
		return fault.Limited, ""
	case "INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED":
		return fault.Invalid, ""
	case "ALREADY_EXISTS", "ABORTED":
		return fault.Conflict, "look at what is there, and try again"
	case "NOT_FOUND", "UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "UNKNOWN", "CANCELLED", "DATA_LOSS":
		return fault.Unavailable, ""
	}
	return "", ""
}
