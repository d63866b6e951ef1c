package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/http1"
	"tacit/internal/keeper"
)

func (a *app) oauthCommand() *cobra.Command {
	return family("oauth", "Log in to services that use OAuth", a.oauthLoginCommand(), a.oauthStatusCommand(), a.oauthRefreshCommand())
}

// loginTime is how long a person may take in the browser.
const loginTime = 5 * time.Minute

func (a *app) oauthLoginCommand() *cobra.Command {
	var (
		credential string
		port       int
		noBrowser  bool
	)
	c := &cobra.Command{
		Use: "login SERVICE", Short: "Log in to a service in the browser, and keep what that gives",
		Long: `Log in to a service in the browser, and keep what that gives, sealed. The service's secret is a JSON object with the client_id and,
where there is one, the client_secret that the service gave you for your own use; the login adds a refresh token to it. The browser returns to a
port of this machine (--port, where the service must know it).`,
		Example: `echo '{"client_id":"example","client_secret":"example"}' | tacit set SPOTIFY_OAUTH
tacit oauth login spotify --no-browser`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeService,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), loginTime)
			defer cancel()
			k, err := a.owner()
			if err != nil {
				return err
			}
			back, err := newLoopback(port)
			if err != nil {
				return err
			}
			defer back.close()
			done, err := k.OAuthLogin(ctx, a.caller(), keeper.OAuthRequest{
				Service: args[0], Credential: credential, Redirect: back.url,
				Browse: func(ctx context.Context, address string, matches func(url.Values) bool) (url.Values, error) {
					a.out.say("tacit: log in here: " + address)
					if !noBrowser {
						openBrowser(ctx, address)
					}
					return back.wait(ctx, matches)
				},
			})
			if err != nil {
				return err
			}
			return a.printOAuth([]client.Credential{done})
		},
	}
	fl := c.Flags()
	fl.StringVar(&credential, "credential", "", "the credential `C`, where the service has several")
	fl.IntVar(&port, "port", 0, "the `PORT` that the browser returns to (default: a free one)")
	fl.BoolVar(&noBrowser, "no-browser", false, "only print the address")
	return c
}

func (a *app) oauthStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "List the credentials of services that use OAuth, and when the tokens end that the agent holds", Example: "tacit oauth status", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			k, err := a.vaultKeeper()
			if err != nil {
				return err
			}
			list, err := k.CredentialList(c.Context(), a.caller())
			if err != nil {
				return err
			}
			var with []client.Credential
			for _, x := range list.Credentials {
				if x.OAuth != nil {
					with = append(with, x)
				}
			}
			return a.printOAuth(with)
		},
	}
}

func (a *app) oauthRefreshCommand() *cobra.Command {
	credential := ""
	c := &cobra.Command{
		Use: "refresh SERVICE", Short: "Fetch a new token of a service now",
		Long:    "Fetch a new token of a service now, which shows that it can: requests fetch one by themselves when they need it.",
		Example: "tacit oauth status", Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeService,
		RunE: func(c *cobra.Command, args []string) error {
			k, err := a.owner()
			if err != nil {
				return err
			}
			done, err := k.OAuthRefresh(c.Context(), a.caller(), keeper.OAuthRequest{Service: args[0], Credential: credential})
			if err != nil {
				return err
			}
			return a.printOAuth([]client.Credential{done})
		},
	}
	c.Flags().StringVar(&credential, "credential", "", "the credential `C`, where the service has several")
	return c
}

func (a *app) printOAuth(all []client.Credential) error {
	if a.flags.json {
		return a.out.JSON(client.Credentials{Credentials: append([]client.Credential{}, all...), Total: len(all)})
	}
	rows := make([][]string, 0, len(all))
	for _, x := range all {
		refreshed, ends := "", ""
		if x.OAuth != nil && x.OAuth.RefreshedAt != nil {
			refreshed = moment(x.OAuth.RefreshedAt)
		}
		if x.OAuth != nil && x.OAuth.ExpiresAt != nil {
			ends = moment(x.OAuth.ExpiresAt)
		}
		rows = append(rows, []string{x.ID, x.Service, x.Scope, waitsFor(x.State, x.Missing), refreshed, ends})
	}
	a.out.Table([]string{"Credential", "Service", "Scope", "State", "Refreshed", "Token ends"}, rows)
	return nil
}

// loopback is where a browser returns to (RFC 8252, section 7.3).
type loopback struct {
	url      string
	server   *http1.Server
	answers  chan url.Values
	listener net.Listener
}

const loopbackPath = "/callback"

func newLoopback(port int) (*loopback, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return nil, fault.New(fault.Failed, "cannot listen on port %d of this machine: is something else there?", port).WithFix("choose another with --port")
	}
	b := &loopback{url: "http://" + l.Addr().String() + loopbackPath, answers: make(chan url.Values, 1), listener: l}
	return b, nil
}

// wait returns the parameters of the request that belongs to the login.
func (b *loopback) wait(ctx context.Context, matches func(url.Values) bool) (url.Values, error) {
	b.server = &http1.Server{RequestTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if r.Method != http.MethodGet || r.URL.Path != loopbackPath || !matches(q) {
				http.Error(w, "this does not belong to a login", http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("Referrer-Policy", "no-referrer")
			_, _ = io.WriteString(w, "tacit has what it needs. You can close this page.\n")
			select {
			case b.answers <- q:
			default:
			}
		})}
	go func() { _ = b.server.Serve(b.listener) }()
	select {
	case q := <-b.answers:
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second) // the page is to arrive
		defer cancel()
		_ = b.server.Shutdown(end)
		return q, nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fault.New(fault.Unavailable, "nobody logged in within %s", loginTime).WithFix("tacit oauth login, once more")
		}
		return nil, ctx.Err()
	}
}

func (b *loopback) close() {
	if b.server != nil {
		_ = b.server.Close()
	}
	_ = b.listener.Close()
}

// openBrowser opens an address if there is a browser. The address was printed too.
func openBrowser(ctx context.Context, address string) {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }()
	}
}
