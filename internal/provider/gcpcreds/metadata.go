package gcpcreds

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// metadataIP is where a machine of Google's answers about itself. A name could lead elsewhere.
const metadataIP = "169.254.169.254"

// How long it may take. Where there is none, an address of the link answers nobody.
const metadataPatience = 2 * time.Second

// machineToken asks the metadata server for a token of the machine's service account.
func (s *Source) machineToken(ctx context.Context) (Token, error) {
	b, err := s.metadata(ctx, "/instance/service-accounts/default/token", "get the token of the machine")
	if err != nil {
		return Token{}, err
	}
	var got accessToken
	if json.Unmarshal(b, &got) != nil {
		return Token{}, s.misconfigured("the machine has no service account")
	}
	return Token{Bearer: secret.New([]byte(got.AccessToken)), Expires: s.expiry(got.ExpiresIn)}, nil
}

// metadata reads one value of the metadata server.
func (s *Source) metadata(ctx context.Context, path, what string) ([]byte, error) {
	if strings.EqualFold(s.c.World.Getenv("NO_GCE_CHECK"), "true") {
		return nil, s.nothing("NO_GCE_CHECK is set")
	}
	host := s.c.World.Getenv("GCE_METADATA_HOST")
	if host == "" {
		host = metadataIP
	}
	var connected atomic.Bool
	client, err := rest.New(rest.Config{
		Name: s.c.Name, Base: "http://" + host, Plain: true, Direct: true, MaxAnswer: maxAnswer,
		Debug: s.c.World.Debug, Getenv: s.c.World.Getenv, Now: s.c.World.Now, Dial: rest.Connecting(s.c.Dial, &connected),
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	brief, cancel := context.WithTimeout(ctx, metadataPatience)
	defer cancel()
	r := rest.Request{What: what, Path: "/computeMetadata/v1" + path, Header: http.Header{"Metadata-Flavor": {"Google"}}}
	a, err := client.Do(brief, r)
	switch {
	case err != nil && (connected.Load() || s.have.Bearer.Len() > 0 || ctx.Err() != nil): // it is there, or was before
		return nil, err
	case err != nil:
		return nil, s.nothing("there was no answer")
	case a.Status == http.StatusTooManyRequests, a.Status >= http.StatusInternalServerError: // it has a bad time
		return nil, client.Refused(r, a, "")
	case a.Header.Get("Metadata-Flavor") != "Google": // something else answers there
		return nil, s.nothing("it is not Google's")
	case a.Status == http.StatusNotFound:
		return nil, s.nothing("there is no service account")
	case !a.OK():
		return nil, client.Refused(r, a, "")
	}
	return a.Body, nil
}

// nothing is the error of having tried everything.
func (s *Source) nothing(why string) error {
	return s.misconfigured("there are no Google credentials: tried GOOGLE_APPLICATION_CREDENTIALS (not set), %s (not there) and the machine's metadata (%s)",
		orNone(s.gcloudFile()), why).WithFix(login)
}

func orNone(path string) string {
	if path == "" {
		return "gcloud's file"
	}
	return path
}
