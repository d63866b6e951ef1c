package broker

import (
	"context"
	"crypto/tls"

	"tacit/internal/fault"
)

// mutualTLS authenticates with a client's certificate (RFC 8446, section 4.4.2). The private key signs the handshake and stays here.
type mutualTLS struct {
	common
	certificate *tls.Certificate
}

var _ Certifier = (*mutualTLS)(nil)

func newMutualTLS(c *compiler) (*mutualTLS, error) {
	auth := &c.service.Auth
	certificate, err := c.render(auth.Certificate, anywhere)
	if err != nil {
		return nil, err
	}
	key, err := c.render(auth.PrivateKey, anywhere)
	if err != nil {
		return nil, err
	}
	if !key.secret {
		return nil, fault.New(fault.Invalid, "service %s: nothing in it authenticates", c.service.ID)
	}
	pair, err := tls.X509KeyPair([]byte(certificate.text), []byte(key.text))
	if err != nil { // what was read stays out of the error
		parts, _ := c.parse(auth.PrivateKey) // it was rendered
		return nil, c.bad(placeholders(parts)[0], "certificate and private key are no pair of PEM blocks, or the key has a passphrase")
	}
	return &mutualTLS{common: c.done(Reserved{}, false), certificate: &pair}, nil
}

func (m *mutualTLS) Apply(context.Context, *Outgoing) ([][]byte, error) { return nil, nil }

func (m *mutualTLS) Certificate() *tls.Certificate { return m.certificate }
