package broker

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// StrategyDeps is what strategies need of the world. Only OAuth 2.0 uses more than Now.
type StrategyDeps struct {
	Now           func() time.Time
	Random        io.Reader         // jitter, and the state and verifier of a login
	TokenEndpoint http.RoundTripper // guarded as every other connection of the broker; never follows a redirect by itself
	Tokens        TokenStore
}

// A Refresher is a [Strategy] whose credential on the wire wears out: after a 401 the exchange calls Invalidate, and when that is
// true it applies the strategy anew and sends the request once more.
type Refresher interface {
	Strategy
	// Invalidate says that the upstream did not accept what Apply returned as more. It reports whether another Apply would bring
	// something else.
	Invalidate(more [][]byte) bool
}

// A Certifier is a [Strategy] that authenticates in the TLS handshake: connections made for it show this certificate, and are not
// shared with other credentials.
type Certifier interface {
	Strategy
	Certificate() *tls.Certificate
}

// NewStrategy returns the strategy of a service with the values of one credential. What it can know now — that the values are
// there, that they can stand where they go — it refuses now, with an error of class Invalid that names the secret and never shows
// it.
func NewStrategy(s *registry.Service, v Values, deps StrategyDeps) (Strategy, error) {
	c := &compiler{service: s, values: v}
	var made Strategy
	var err error
	switch s.Auth.Kind {
	case registry.KindHeader, registry.KindHeaders:
		made, err = newHeaders(c)
	case registry.KindQuery, registry.KindQueries:
		made, err = newQueries(c)
	case registry.KindPath:
		made, err = newPathPrefix(c)
	case registry.KindBasic:
		made, err = newBasic(c)
	case registry.KindBody:
		made, err = newBodyFields(c)
	case registry.KindOAuth2:
		made, err = newOAuth(c, deps)
	case registry.KindSigV4:
		made, err = newSigV4(c, deps.Now)
	case registry.KindHMAC:
		made, err = newHMAC(c, deps.Now)
	case registry.KindMTLS:
		made, err = newMutualTLS(c)
	default:
		return nil, fault.New(fault.Invalid, "service %s: no such way to authenticate: %s", s.ID, s.Auth.Kind)
	}
	if err != nil {
		return nil, err
	}
	return made, nil
}

// common is what every strategy has. It never changes once the strategy is made.
type common struct {
	injected [][]byte
	reserved Reserved
	onWire   bool
}

// Format keeps what a strategy knows out of logs.
func (*common) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "***") }

func (c *common) Injected() [][]byte { return c.injected }
func (c *common) Reserved() Reserved { return c.reserved }
func (c *common) OnWire() bool       { return c.onWire }
