// Package server is the HTTP door: keeper.API under /api/v1, as docs/openapi.yaml describes it.
//
// It holds no rules. A request is checked for its form, its caller is told by [Options.Caller], the keeper is called, and what it
// answers is written. What a caller may do, and what is recorded, keeper decides; keeper.Owner is not here at all (I31).
package server

import (
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// Options are what a server works with.
type Options struct {
	API keeper.API
	// Caller tells who sent a request, from the peer of its connection and its token; the scopes that an owner claims are
	// added here. When nothing proves it the error is [fault.Unproven].
	Caller  func(*http.Request) (keeper.Caller, error)
	Version string       // of the program; every answer carries it
	Log     *slog.Logger // nil: none
	// Hosts are the names under which this server may be addressed. Empty for a socket, where the name means nothing.
	Hosts []string
	// TempDir is where uploads wait that are too large for memory, encrypted; empty for that of the system. Random makes their keys;
	// nil is crypto/rand.
	TempDir string
	Random  io.Reader
}

// New returns the API under /api/v1/.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	s := &server{Options: o, routes: map[string]route{}, uploads: make(chan struct{}, maxUploads)}
	s.always.version, s.always.cache = []string{o.Version}, []string{"no-store"}
	for _, r := range s.table() {
		s.routes[r.path] = r
	}
	return s
}

type server struct {
	Options
	routes  map[string]route
	uploads chan struct{}                     // holds one for each import that is under way
	always  struct{ version, cache []string } // headers of every answer
}

// A route is one operation.
type route struct {
	method string
	path   string
	body   string // media type of the request; empty for none
	limit  int64  // bytes of the body; 0 for a stream, whose lines are bounded
	serve  func(*exchange) error
}

// ServeHTTP answers one request. Whatever happens, the process goes on and the caller gets a shape or a problem.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{server: s, w: w, r: r, deadline: http.NewResponseController(w)}
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // the value itself is the signal
			panic(p)
		}
		// What panicked may hold a secret, so only where it happened is kept.
		s.Log.Error("panic in a handler", "method", r.Method, "stack", string(debug.Stack()))
		if x.began {
			panic(http.ErrAbortHandler) // ends the connection, so that nobody takes half an answer for a whole one
		}
		x.fail(fault.New(fault.Failed, "the request failed inside tacit; its log says more"), 0)
	}()
	w.Header()[wire.HeaderVersion] = s.always.version
	w.Header()["Cache-Control"] = s.always.cache
	if err := s.serve(x); err != nil {
		x.fail(err, x.status)
	}
}

func (s *server) serve(x *exchange) error {
	if err := s.admit(x); err != nil {
		return err
	}
	route, err := s.find(x)
	if err != nil {
		return err
	}
	x.route = route
	if x.caller, err = s.caller(x); err != nil {
		return err
	}
	return route.serve(x)
}

// find returns the operation that a request is for, after checking that it has the form of one.
func (s *server) find(x *exchange) (route, error) {
	r, ok := s.routes[x.r.URL.Path]
	switch {
	case !ok || x.r.URL.RawPath != "":
		return r, x.refuse(http.StatusNotFound, "no such operation")
	case x.r.Method != r.method:
		x.w.Header().Set("Allow", r.method)
		return r, x.refuse(http.StatusMethodNotAllowed, "the method of this operation is "+r.method)
	case x.r.URL.RawQuery != "" || x.r.URL.ForceQuery:
		return r, x.refuse(http.StatusBadRequest, "no operation takes a query")
	case r.body == "" && x.r.ContentLength != 0:
		return r, x.refuse(http.StatusBadRequest, "this operation takes no body")
	case r.body != "" && !isType(x.r.Header["Content-Type"], r.body):
		return r, x.refuse(http.StatusUnsupportedMediaType, "the body must be "+r.body)
	case len(x.r.Header["Content-Encoding"]) > 0:
		return r, x.refuse(http.StatusUnsupportedMediaType, "no operation takes an encoded body")
	}
	return r, nil
}

// caller returns who sent the request. The owner says which workspace and group it is in; a token has that from its making, and what
// its bearer says must agree.
func (s *server) caller(x *exchange) (keeper.Caller, error) {
	c, err := s.Caller(x.r)
	if err != nil || !c.Owner && c.Token.Len() == 0 {
		return c, err
	}
	if c.Workspace, err = claim(x.r.Header, wire.HeaderWorkspace); err != nil {
		return c, err
	}
	c.Group, err = claim(x.r.Header, wire.HeaderGroup)
	return c, err
}

// Routes returns the paths of all operations, for those who check that every one is documented.
func Routes() []string {
	var paths []string
	for _, r := range (&server{}).table() {
		paths = append(paths, r.path)
	}
	return paths
}
