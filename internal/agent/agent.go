package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/http1"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/secret"
	"tacit/internal/server"
	"tacit/internal/wire"
)

// Options are what an agent works with.
type Options struct {
	Layout    paths.Layout
	Principal string                                     // who is at the socket without a token: "user/ana"
	Keeper    func(baseURL func() string) *keeper.Keeper // returns one without keys, that opens no slot; see [keeper.Options]
	Version   string                                     // of the program
	Now       func() time.Time
	Log       *slog.Logger // nil: none
	Ready     func()       // called when the agent answers; nil: nothing
	Shared    Shared       // for other users of the machine

	// ProxyListen is where base-URL mode listens, such as 127.0.0.1:7717; empty: on a free port, once somebody asks where.
	ProxyListen string

	// Reload reads the user's configuration again, which keepers then ask for once more; an error changes nothing. nil: there is
	// none. It is also called at each signal of ReloadOn.
	Reload   func() (Reloaded, error)
	ReloadOn <-chan os.Signal

	Boot      func() time.Duration // since boot, sleep included; nil: what the system says
	SystemBus string               // address of the bus where logind is; empty: the system's
}

// maxConnections bounds how many connections there are at once.
const maxConnections = 512

// Run is the life of an agent: it takes its place, answers, and ends when ctx does or somebody asks it to, without keys in its
// memory. fault.Exists when there is one already.
func Run(ctx context.Context, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Boot == nil {
		o.Boot = sinceBoot
	}
	if o.Reload == nil {
		o.Reload = func() (Reloaded, error) { return Reloaded{}, nil }
	}
	place, err := claim(o.Layout)
	if err != nil {
		return err
	}
	defer place.leave()

	// An agent mostly waits: memory that is not in use goes back soon, see [state.tidy]. Under load a collection for every two megabytes
	// would take a sixth of its time.
	defer debug.SetGCPercent(debug.SetGCPercent(200))

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := &agent{Options: o, stop: stop}
	a.config.at = o.Now().UTC().Truncate(time.Second)
	a.state = newState(func() *keeper.Keeper { return o.Keeper(a.base.url) }, a.api, a.files, o.Boot, o.Now)
	defer a.state.end()
	defer a.closeProxy()

	var background sync.WaitGroup
	defer background.Wait()
	defer stop()
	background.Go(func() { a.state.watch(ctx) })
	background.Go(func() { a.reloadOn(ctx) })
	background.Go(func() {
		if err := lockBeforeSleep(ctx, o.SystemBus, a.state.lock); err != nil {
			o.Log.Info("the vault is not locked before the machine sleeps, only its time counts", "reason", err.Error())
		}
	})
	background.Go(func() {
		if place.abandoned(ctx, tick) {
			o.Log.Warn("the socket is gone, and so is the agent", "socket", o.Layout.Socket)
			stop()
		}
	})
	return a.serve(ctx, place)
}

// serve answers until ctx ends, and then until everybody who asked has an answer.
func (a *agent) serve(ctx context.Context, place *place) error {
	h := &http1.Server{Handler: a, ConnContext: withConn, ConnState: a.count}
	server.Configure(h, a.Log)
	doors := []net.Listener{place.listener}
	if a.Shared.Path != "" {
		l, err := a.Shared.listen()
		if err != nil {
			return err
		}
		defer l.Close() // removes the socket
		doors = append(doors, l)
	}
	if a.ProxyListen != "" {
		if err := a.base.open(a, a.ProxyListen); err != nil {
			return err
		}
	}
	failed := make(chan error, len(doors))
	for _, l := range doors { // each has its own bound, so that other users cannot keep the owner out
		go func() { failed <- h.Serve(server.Limit(l, maxConnections)) }()
	}
	if a.Ready != nil {
		a.Ready()
	}
	select {
	case err := <-failed:
		return fault.Wrap(fault.Failed, err, "agent: serve %s", a.Layout.Socket)
	case <-ctx.Done():
	}
	a.state.lock()
	end, cancel := context.WithTimeout(context.Background(), graceTime)
	defer cancel()
	if err := h.Shutdown(end); err != nil {
		_ = h.Close() // who still has no answer gets none
	}
	for range doors {
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
			return fault.Wrap(fault.Failed, err, "agent: serve %s", a.Layout.Socket)
		}
	}
	return nil
}

// agent is what its handlers share.
type agent struct {
	Options
	state   *state
	config  reading
	base    baseURLs
	stop    context.CancelFunc
	callers atomic.Int64 // connections
}

// count is told what becomes of a connection.
func (a *agent) count(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		a.callers.Add(1)
	case http.StateClosed, http.StateHijacked:
		a.callers.Add(-1)
	}
}

// files says what is wrong with the files of the vault, if anything is.
func (a *agent) files() error {
	if err := paths.CheckDir(filepath.Dir(a.Layout.Vault)); err != nil {
		return err
	}
	return paths.CheckFile(a.Layout.Vault)
}

// api is the door to a keeper.
func (a *agent) api(k keeper.API) http.Handler {
	door := server.New(server.Options{API: k, Caller: a.caller, Version: a.Version, Log: a.Log})
	proxy := server.NewProxy(server.ProxyOptions{API: k, Log: a.Log, Host: a.base.address})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(viaBaseURL{}) != nil {
			proxy.ServeHTTP(w, r)
			return
		}
		door.ServeHTTP(w, r)
	})
}

// closeProxy ends base-URL mode.
func (a *agent) closeProxy() {
	ctx, cancel := context.WithTimeout(context.Background(), graceTime)
	defer cancel()
	a.base.close(ctx)
}

// caller says who sent a request: the owner, since the kernel has told that the peer is our own user, unless there is a token,
// about which keeper knows, or it came by the shared socket, which has no owner (I10).
func (a *agent) caller(r *http.Request) (keeper.Caller, error) {
	conn, ok := connOf(r.Context())
	if !ok {
		return keeper.Caller{}, fault.Unproven("nothing proves who sent the request")
	}
	c := keeper.Caller{Door: "socket", UID: conn.peer.UID, PID: conn.peer.PID, Executable: conn.peer.Executable}
	said := r.Header["Authorization"]
	if len(said) == 0 {
		if conn.shared {
			return c, fault.Unproven("a token is required").WithFix("set TACIT_TOKEN to one that `tacit token create` printed")
		}
		c.Principal, c.Owner = a.Principal, true
		return c, nil
	}
	token, ok := strings.CutPrefix(said[0], "Bearer ")
	if !ok || token == "" || len(said) > 1 {
		return c, fault.Unproven("the Authorization header must be there once, as Bearer TOKEN")
	}
	c.Token = secret.New([]byte(token))
	return c, nil
}

// The agent's own operations, for the owner.
const (
	pathStatus = wire.Version + "/agent/status" // GET
	pathHello  = wire.Version + "/agent/hello"  // a command is about to use the vault
	pathUnlock = wire.Version + "/agent/unlock" // see handover.go
	pathLock   = wire.Version + "/agent/lock"
	pathStop   = wire.Version + "/agent/stop"
	pathReload = wire.Version + "/agent/reload"
	pathProxy  = wire.Version + "/agent/proxy" // where base-URL mode is
)

// operation is one of them.
type operation struct {
	method, path string
	do           func(*agent, http.ResponseWriter, *http.Request) error
}

func operations() []operation {
	return []operation{
		{http.MethodPost, pathHello, (*agent).hello},
		{http.MethodGet, pathStatus, (*agent).status},
		{http.MethodPost, pathUnlock, (*agent).unlock},
		{http.MethodPost, pathLock, (*agent).lock},
		{http.MethodPost, pathStop, (*agent).end},
		{http.MethodPost, pathReload, (*agent).reloadNow},
		{http.MethodPost, pathProxy, (*agent).proxy},
	}
}

// Routes returns the paths of the agent's own operations, for those who check that every one is documented.
func Routes() []string {
	var all []string
	for _, o := range operations() {
		all = append(all, o.path)
	}
	return all
}

// ServeHTTP answers one request: what is about the agent itself, and by package server what is about secrets.
func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if do := own(r); do != nil {
		w.Header().Set(wire.HeaderVersion, a.Version)
		c, err := a.caller(r)
		if err == nil && !c.Owner {
			err = fault.New(fault.Denied, "only the owner may do this")
		}
		if err == nil {
			err = do(a, w, r)
		}
		if err != nil {
			server.Problem(w, err)
		}
		return
	}
	a.state.serveAs(useOf(r), w, r)
}

// own returns the agent's own operation that a request asks for, or nil.
func own(r *http.Request) func(*agent, http.ResponseWriter, *http.Request) error {
	for _, o := range operations() {
		if o.path == r.URL.Path && o.method == r.Method {
			return o.do
		}
	}
	return nil
}

// useOf says how a request counts for the idle time.
func useOf(r *http.Request) use {
	switch {
	case r.Method == http.MethodGet:
		return look
	case r.URL.Path == wire.AuditFollow:
		return stream
	}
	return work
}

// Report is what the agent says of itself: AgentStatus, and which vault it serves.
type Report struct {
	client.AgentStatus
	Vault string `json:"vault"` // its path
}

func (a *agent) report() Report {
	var r Report
	pid := os.Getpid()
	r.Vault = a.Layout.Vault
	r.Running, r.PID, r.Version, r.Socket = true, &pid, &a.Version, a.Layout.Socket
	r.Locked, r.LocksAt, r.IdleLocksAt = a.state.times()
	r.Callers = int(a.callers.Load())
	if url := a.base.url(); url != "" {
		r.Proxy = &url
	}
	enforced := a.state.enforced()
	r.Enforced = &enforced
	at, failed := a.config.last()
	r.ConfigReadAt = &at
	if failed != nil {
		said := failed.Error()
		r.ConfigError = &said
	}
	return r
}

func (a *agent) status(w http.ResponseWriter, _ *http.Request) error { return a.answer(w) }

func (a *agent) hello(w http.ResponseWriter, _ *http.Request) error {
	a.state.touch()
	return a.answer(w)
}

func (a *agent) lock(w http.ResponseWriter, _ *http.Request) error {
	a.state.lock()
	return a.answer(w)
}

func (a *agent) end(w http.ResponseWriter, _ *http.Request) error {
	a.state.lock()
	defer a.stop()
	w.Header().Set("Connection", "close")
	return a.answer(w)
}

func (a *agent) answer(w http.ResponseWriter) error { return answer(w, a.report()) }
