package cli

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/handoff"
	"tacit/internal/http1"
	"tacit/internal/keeper"
	"tacit/internal/mask"
	"tacit/internal/paths"
	"tacit/internal/secret"
	"tacit/internal/server"
	"tacit/sdk"
)

// maxScriptConns bounds how many connections a script has at once; it is the agent's bound too.
const maxScriptConns = 512

// A script is a script that runs: what it imports, and the door through which it asks for secrets. Both are there for it alone, and end with it.
//
// The door answers as tacit itself would in the place of the script, whether an agent is unlocked or not: with the project's providers, and as the
// principal that we are. So the script needs no token of ours, and nothing of it works differently without an agent.
type script struct {
	variables []handoff.Variable
	seen      *masks
	dir       string
	door      *http1.Server
	over      chan struct{} // the door has ended
}

// A language is one that scripts are written in.
type language struct {
	interpreter string
	folder      string // of package sdk
	to          string // where that goes, below the directory of the script's run
}

// languageOf returns the language of a file by its ending, as it stands behind `tacit run`. What is no file is a program's name.
func languageOf(argument string) (l language, ok bool) {
	switch strings.ToLower(filepath.Ext(argument)) {
	case ".mjs", ".cjs", ".js":
		l = language{"node", "js", filepath.Join("node_modules", "tacit")}
	case ".py":
		l = language{"python3", "python", "python"}
		if runtime.GOOS == "windows" {
			l.interpreter = "python"
		}
	default:
		return l, false
	}
	info, err := os.Stat(argument)
	return l, err == nil && info.Mode().IsRegular()
}

// openScript makes a program of a script: its interpreter, what it imports, and its door. It returns nil when the first argument is no script.
// The caller ends what it returns.
func (a *app) openScript(ctx context.Context, program *handoff.Program) (_ *script, err error) {
	l, ok := languageOf(program.Argv[0])
	if !ok {
		return nil, nil
	}
	if program.Path, err = handoff.Find(l.interpreter); err != nil {
		return nil, err
	}
	k, err := a.keeper()
	if err != nil {
		return nil, err
	}
	// A passphrase is asked for now, and not by the first request. A script may do without a vault.
	if _, err := k.Whoami(ctx, a.caller()); err != nil && !errors.Is(err, fault.NoVault) {
		return nil, err
	}
	s := &script{seen: new(masks)}
	defer func() {
		if err != nil {
			s.end()
		}
	}()
	if s.dir, err = a.scriptDir(); err != nil {
		return nil, err
	}
	if err := unpack(l.folder, filepath.Join(s.dir, l.to)); err != nil {
		return nil, err
	}
	if err := s.open(a, k); err != nil {
		return nil, err
	}
	from := filepath.Join(s.dir, l.to)
	switch l.folder {
	case "js":
		preload := url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(from, "preload.mjs"))}
		if !strings.HasPrefix(preload.Path, "/") { // C:/…
			preload.Path = "/" + preload.Path
		}
		program.Argv = slices.Insert(slices.Clone(program.Argv), 0, l.interpreter, "--import", preload.String())
		s.set("NODE_PATH", strings.TrimRight(filepath.Dir(from)+string(os.PathListSeparator)+a.getenv("NODE_PATH"), string(os.PathListSeparator)))
	case "python":
		program.Argv = slices.Insert(slices.Clone(program.Argv), 0, l.interpreter, from)
	}
	program.More = s.seen.patterns
	program.Env, err = handoff.Add(program.Env, s.variables)
	return s, err
}

// scriptDir makes the directory of one run. Nothing in it is secret: it may be on a disk.
func (a *app) scriptDir() (string, error) {
	var err error
	for _, parent := range []string{a.getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		if !filepath.IsAbs(parent) || len(parent) > maxSocketDir {
			continue
		}
		var dir string
		if dir, err = os.MkdirTemp(parent, "tacit-"); err == nil { // 0700
			return dir, nil
		}
	}
	return "", fault.Wrap(fault.Failed, errCause(err), "run: make a directory for the script")
}

// maxSocketDir is the longest path of a directory in which a socket can be made on every system, with room for the names that we add.
const maxSocketDir = 70

// unpack writes an SDK into a directory that is made.
func unpack(folder, to string) error {
	err := fs.WalkDir(sdk.Files, folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(strings.TrimPrefix(name, folder)))
		if d.IsDir() {
			return os.MkdirAll(target, paths.DirMode)
		}
		b, err := sdk.Files.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, paths.FileMode)
	})
	if err != nil {
		return fault.Wrap(fault.Failed, errCause(err), "run: write what the script imports")
	}
	return nil
}

// open opens the door: a socket in the directory, which only we can enter, or a port of this machine where programs have no sockets. Who
// has the token of this run is let in, and is the caller that we are.
func (s *script) open(a *app, k keeper.API) error {
	token, err := newScriptToken(a.world.Random)
	if err != nil {
		return err
	}
	l, addr, err := listenScript(s.dir)
	if err != nil {
		return fault.Wrap(fault.Failed, errCause(err), "run: listen for the script")
	}
	who := a.caller()
	who.Door = "socket" // as at the agent's
	want := []byte("Bearer " + token)
	o := server.Options{
		API: &watched{k, s.seen}, Version: a.world.Version, Log: a.log, Random: a.world.Random,
		Caller: func(r *http.Request) (keeper.Caller, error) {
			said := r.Header["Authorization"]
			if len(said) != 1 || subtle.ConstantTimeCompare([]byte(said[0]), want) != 1 {
				return keeper.Caller{}, fault.Unproven("this is for the script that tacit runs")
			}
			return who, nil
		},
	}
	if l.Addr().Network() == "tcp" {
		o.Hosts = []string{l.Addr().String()}
	}
	s.door = &http1.Server{Handler: server.New(o)}
	server.Configure(s.door, a.log)
	s.over = make(chan struct{})
	go func() {
		defer close(s.over)
		_ = s.door.Serve(server.Limit(l, maxScriptConns)) // it ends when the door is closed
	}()
	s.set("TACIT_ADDR", addr)
	s.set("TACIT_TOKEN", token)
	s.seen.add(secret.New([]byte(token)))
	return nil
}

// scriptToken is what the tokens of scripts begin with, and no other. By it who has one knows that the door is their own user's, and asks
// nobody else who may listen in its place after the run: far does, and the SDKs do.
const scriptToken = "tacit_run_"

// newScriptToken returns what proves that a request comes from our script. No vault knows it.
func newScriptToken(random io.Reader) (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fault.Wrap(fault.Failed, err, "run: make a token for the script")
	}
	return scriptToken + hex.EncodeToString(b), nil
}

// set sets a variable that the script gets.
func (s *script) set(name, value string) {
	s.variables = append(s.variables, handoff.Variable{Name: name, Value: secret.New([]byte(value)), Of: name})
}

// end closes the door and removes what the script imported. Requests that are under way are cut: nobody waits for them.
func (s *script) end() {
	if s == nil {
		return
	}
	if s.door != nil {
		_ = s.door.Close()
		<-s.over
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// watched is a keeper that remembers which values it gave away, so that what the script prints is masked like any other program's (I14).
type watched struct {
	keeper.API
	seen *masks
}

func (w *watched) Get(ctx context.Context, c keeper.Caller, r keeper.GetRequest) (keeper.Read, error) {
	read, err := w.API.Get(ctx, c, r)
	w.seen.add(read.Value)
	return read, err
}

func (w *watched) Set(ctx context.Context, c keeper.Caller, r keeper.SetRequest) (keeper.Written, error) {
	w.seen.add(r.Value)
	written, err := w.API.Set(ctx, c, r)
	w.seen.add(written.Value)
	return written, err
}

func (w *watched) Rotate(ctx context.Context, c keeper.Caller, r keeper.RotateRequest) (client.Rotated, error) {
	w.seen.add(r.Value)
	return w.API.Rotate(ctx, c, r)
}

// masks are the values that a script has got so far. A value is added before the script has it, so whatever it prints of it comes later.
type masks struct {
	mu       sync.Mutex
	values   [][]byte
	compiled *mask.Patterns // nil: there are values that it does not have
}

func (m *masks) add(v secret.Value) {
	b := v.Reveal()
	if len(b) < handoff.MinMasked {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, have := range m.values {
		if string(have) == string(b) {
			return
		}
	}
	m.values, m.compiled = append(m.values, slices.Clone(b)), nil
}

// patterns returns what hides all of them. It is the same one while no value was added.
func (m *masks) patterns() *mask.Patterns {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.compiled == nil {
		m.compiled = mask.Compile(handoff.MinMasked, m.values...)
	}
	return m.compiled
}
