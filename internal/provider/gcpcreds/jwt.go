package gcpcreds

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"time"

	"github.com/go-json-experiment/json"

	"tacit/internal/secret"
)

// lifetime is how long a token lasts that a service account signs itself: the longest that Google takes.
const lifetime = time.Hour

// signedToken signs a token with the key of a service account: a JWT (RFC 7519, RS256 of RFC 7518) that Google takes in place of an access
// token, so that nobody has to be asked for one (https://google.aip.dev/auth/4111).
func (s *Source) signedToken(f *file) (Token, error) {
	key, ok := parseKey(f.PrivateKey)
	if !ok || f.ClientEmail == "" {
		return Token{}, s.misconfigured("%s holds no key of a service account", f.path)
	}
	now := s.c.World.Now()
	head := struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		Key       string `json:"kid,omitzero"`
	}{"RS256", "JWT", f.PrivateKeyID}
	claims := struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Issued   int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{f.ClientEmail, f.ClientEmail, s.c.Audience, now.Unix(), now.Add(lifetime).Unix()}
	signed, err := encode(head, claims)
	if err != nil {
		return Token{}, s.misconfigured("%s holds no key of a service account", f.path)
	}
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return Token{}, s.misconfigured("the key in %s cannot sign", f.path)
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	return Token{Bearer: secret.New([]byte(token)), Quota: f.QuotaProject, Expires: now.Add(lifetime)}, nil
}

// encode writes header and claims of a JWT.
func encode(parts ...any) (string, error) {
	text := ""
	for i, p := range parts {
		b, err := json.Marshal(p)
		if err != nil {
			return "", err
		}
		if i > 0 {
			text += "."
		}
		text += base64.RawURLEncoding.EncodeToString(b)
	}
	return text, nil
}

// parseKey reads an RSA key in PEM, of PKCS #8 or #1.
func parseKey(text string) (*rsa.PrivateKey, bool) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, false
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		k, ok := key.(*rsa.PrivateKey)
		return k, ok
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	return key, err == nil
}
