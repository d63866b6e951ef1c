package cli

import (
	"context"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tacit/internal/agent"
	"tacit/internal/fault"
	"tacit/internal/http1"
	"tacit/internal/keeper"
	"tacit/internal/paths"
	"tacit/internal/server"
)

// maxProxied bounds how many connections base-URL mode has at once.
const maxProxied = 512

func (a *app) proxyCommand() *cobra.Command {
	listen := ""
	c := &cobra.Command{
		Use: "proxy", Short: "Let programs use services through a base URL",
		Long: `Let programs use services through a base URL, until Ctrl-C. A request to http://127.0.0.1:PORT/svc/openai/v1/models, with a tacit
token where the service's own key would go, is sent to https://api.openai.com/v1/models with the real key. An SDK needs nothing but the
variables that tacit proxy env prints.

The agent does the same while the vault is unlocked; this command is for a machine without one. It listens on this machine only, and knows
nobody without a token.`,
		Example: "tacit proxy --listen 127.0.0.1:7717 &",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if listen == "" {
				u, err := a.userConfig(a.layout())
				if err != nil {
					return err
				}
				listen = u.ProxyListen
			}
			return a.runProxy(c.Context(), listen)
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "the `ADDR` of this machine (default: a free port of 127.0.0.1)")
	c.AddCommand(a.proxyEnvCommand())
	return c
}

func (a *app) runProxy(ctx context.Context, listen string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	a.serving = true
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	if _, err := k.Whoami(ctx, a.caller()); err != nil { // a passphrase is asked for now, and not by the first request
		return err
	}
	l, err := server.ListenProxy(listen)
	if err != nil {
		return err
	}
	p := startProxy(k, l)
	defer p.end()
	forget, err := a.rememberProxy(p.url)
	if err != nil {
		return err
	}
	defer forget()
	a.out.Line("%s", p.url)
	if err := a.out.flush(); err != nil {
		return fault.Wrap(fault.Failed, err, "write to standard output")
	}
	a.out.Notice(`base URLs are %s/svc/SERVICE; eval "$(tacit proxy env SERVICE)" in another shell`, p.url)
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.failed:
		return fault.Wrap(fault.Failed, err, "proxy")
	}
}

// aProxy is a listener of base-URL mode in this process.
type aProxy struct {
	url    string
	server *http1.Server
	failed chan error
}

func startProxy(k keeper.Services, l net.Listener) *aProxy {
	at := l.Addr().String()
	p := &aProxy{url: "http://" + at, failed: make(chan error, 1)}
	p.server = &http1.Server{Handler: server.NewProxy(server.ProxyOptions{API: k, Host: func() string { return at }})}
	server.ConfigureProxy(p.server, nil)
	go func() { p.failed <- p.server.Serve(server.Limit(l, maxProxied)) }()
	return p
}

// end lets requests that are under way come to an end, for a moment.
func (p *aProxy) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close()
	}
}

// proxyFile is where a proxy in the foreground says its address, for `proxy env`.
func (a *app) proxyFile() string { return filepath.Join(filepath.Dir(a.layout().Socket), "proxy.url") }

// rememberProxy writes the address down until forget is called.
func (a *app) rememberProxy(url string) (forget func(), err error) {
	file := a.proxyFile()
	if err := paths.EnsureDir(filepath.Dir(file)); err != nil {
		return nil, err
	}
	if err := paths.WriteFile(file, []byte(url+"\n")); err != nil {
		return nil, err
	}
	return func() {
		if now, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(now)) == url {
			_ = os.Remove(file)
		}
	}, nil
}

// foregroundProxy returns where a proxy in the foreground listens, of this process or another one; empty: there is none.
func (a *app) foregroundProxy() string {
	b, err := os.ReadFile(a.proxyFile())
	if err != nil {
		return ""
	}
	url := strings.TrimSpace(string(b))
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second)
	if err != nil {
		return "" // it is gone, and could not say so
	}
	_ = conn.Close()
	return url
}

// proxyURL finds the base-URL mode that programs of this user reach: a proxy in the foreground, else the agent's.
func (a *app) proxyURL(ctx context.Context) (string, error) {
	if url := a.foregroundProxy(); url != "" {
		return url, nil
	}
	c, r, err := a.askAgent((*agent.Client).Hello)
	if err == nil {
		defer func() { _ = c.Close() }()
	}
	if err != nil || r.Locked {
		return "", fault.New(fault.Locked, "there is no proxy: no agent is unlocked, and no `tacit proxy` runs").WithFix("tacit unlock")
	}
	return c.Proxy(ctx)
}
