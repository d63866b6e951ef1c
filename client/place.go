package client

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// place is whom to ask: a socket or a server.
type place struct {
	socket string
	url    *url.URL
	token  string

	vault   string // that the agent at the socket must serve; empty: any
	foreign bool   // the socket may be somebody else's, which takes a token
	named   bool   // by an address, and not by the rules
}

// runToken is what a token of one `tacit run` begins with. Its socket is our own user's, and gone with the run: after that, somebody else may
// make another at the same path.
const runToken = "tacit_run_"

// find returns the place that an address and a token say; without an address, the socket of the agent of this vault.
func find(addr, token string, getenv func(string) string) (place, error) {
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return place{}, failure(codeUsage, "the token has a character that none has: a space, or the end of a line", "set TACIT_TOKEN to what `tacit token create` printed")
	}
	if addr != "" {
		return parseAddr(addr, token)
	}
	switch getenv("TACIT_NO_AGENT") {
	case "", "0", "false", "no":
	default:
		return place{}, failure(codeUsage, "TACIT_NO_AGENT forbids to ask the agent, and only the command line opens a vault itself", "unset TACIT_NO_AGENT")
	}
	vault, socket := files(getenv)
	if token != "" {
		vault = "" // the token says which
	}
	return place{socket: socket, token: token, vault: vault}, nil
}

// files returns the paths of the vault and of the agent's socket: below TACIT_DIR, else in the XDG directories, of whose variables relative
// ones are ignored, as their specification says.
func files(getenv func(string) string) (vault, socket string) {
	if d := getenv("TACIT_DIR"); d != "" {
		if a, err := filepath.Abs(d); err == nil {
			d = a
		}
		return filepath.Join(d, "vault.db"), filepath.Join(d, "agent.sock")
	}
	home := ""
	for _, variable := range []string{"HOME", "USERPROFILE"} {
		if h := getenv(variable); home == "" && filepath.IsAbs(h) {
			home = h
		}
	}
	if home == "" {
		home, _ = os.UserHomeDir()
	}
	dir := func(variable string, fallback ...string) string {
		if v := getenv(variable); filepath.IsAbs(v) {
			return filepath.Join(v, "tacit")
		}
		return filepath.Join(home, filepath.Join(fallback...), "tacit")
	}
	return filepath.Join(dir("XDG_DATA_HOME", ".local", "share"), "vault.db"), filepath.Join(dir("XDG_RUNTIME_DIR", ".local", "state"), "agent.sock")
}

// parseAddr reads an address. A secret does not travel in clear to another machine.
func parseAddr(addr, token string) (place, error) {
	bad := func(why string) (place, error) {
		return place{}, failure(codeUsage, "TACIT_ADDR: "+why, "write unix:/path/to/agent.sock or https://host")
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if !filepath.IsAbs(path) {
			return bad("the path of the socket is not absolute")
		}
		return place{socket: path, token: token, foreign: token != "" && !strings.HasPrefix(token, runToken), named: true}, nil
	}
	u, err := url.Parse(strings.TrimRight(addr, "/"))
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return bad("not an address")
	case u.Scheme == "https", u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"):
		return place{url: u, token: token}, nil
	}
	return bad("only https, or http to this machine")
}

// String returns the place in the form of TACIT_ADDR.
func (p place) String() string {
	if p.url != nil {
		return p.url.Scheme + "://" + p.url.Host
	}
	return "unix:" + p.socket
}

// other names the other side.
func (p place) other() string {
	if p.url != nil {
		return "the server"
	}
	return "the agent"
}

// absent is the failure when nobody is at the socket.
func (p place) absent() *Error {
	switch {
	case p.named:
		return failure(ErrUnavailable, "no agent answers at "+p.socket+", which TACIT_ADDR names", "unset TACIT_ADDR to use the vault on this machine")
	case p.token != "":
		return failure(ErrLocked, "TACIT_TOKEN is set and there is no agent or server to answer it", "tacit unlock")
	}
	return failure(ErrLocked, "no agent is running, and only that opens the vault for programs", "tacit unlock")
}

// refused is the failure for a socket at which others than our own user can listen: they could make up what our secrets are.
func (p place) refused() *Error {
	return failure(ErrDenied, "refused to talk to what listens on "+p.socket+": others than our own user can listen there", "")
}

func parseVersion(s string) (int, error) {
	if s == "previous" {
		return -1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, failure(codeUsage, "a version is a number from 1 on, or previous: "+s, "")
	}
	return n, nil
}
