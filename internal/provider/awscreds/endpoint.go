package awscreds

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// How long the services of the machine itself may take. Where there is none, an address of the link answers nobody.
const (
	metadataFirst = time.Second     // until the first answer
	metadataAll   = 5 * time.Second // for all of them
)

// endpointAnswer is what the container's endpoint and the instance's metadata give out; credential_process with SessionToken.
type endpointAnswer struct {
	Version         int    `json:"Version"`
	Code            string `json:"Code"` // metadata only: "Success"
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string `json:"SecretAccessKey"`
	Token           string `json:"Token"`
	SessionToken    string `json:"SessionToken"`
	Expiration      string `json:"Expiration"` // RFC 3339; empty: never
}

func (a endpointAnswer) credentials(from string) (Credentials, bool) {
	c := Credentials{KeyID: a.AccessKeyID, Key: secret.New([]byte(a.SecretAccessKey)), Session: firstOf(a.Token, a.SessionToken), From: from}
	if a.Expiration != "" {
		var err error
		if c.Expires, err = time.Parse(time.RFC3339, a.Expiration); err != nil {
			return c, false
		}
	}
	return c, c.KeyID != "" && c.Key.Len() > 0
}

// containerURI returns where a container gets its credentials from; empty: it is none. What is read there is our identity, so that
// the address has to be one that only this machine answers.
func (s *Source) containerURI() (string, error) {
	if path := s.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); path != "" {
		if !strings.HasPrefix(path, "/") {
			return "", s.misconfigured("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path")
		}
		return "http://169.254.170.2" + path, nil
	}
	full := s.env("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if full == "" {
		return "", nil
	}
	u, err := url.Parse(full)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return "", s.misconfigured("AWS_CONTAINER_CREDENTIALS_FULL_URI is no address")
	}
	switch host := u.Hostname(); {
	case rest.ThisMachine(host), host == "169.254.170.2", host == "169.254.170.23", host == "fd00:ec2::23":
		return full, nil
	}
	return "", s.misconfigured("AWS_CONTAINER_CREDENTIALS_FULL_URI is not on this machine").
		WithFix("it may be a loopback address, 169.254.170.2 (ECS) or 169.254.170.23 (EKS)")
}

// container asks the container's endpoint.
func (s *Source) container(ctx context.Context, uri string) (Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, metadataAll)
	defer cancel()
	u, err := url.Parse(uri)
	if err != nil {
		return Credentials{}, s.misconfigured("the address of the container's credentials is none")
	}
	r := rest.Request{What: "get the credentials of the container", Path: u.EscapedPath(), Query: u.Query()}
	token := s.env("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file := s.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
		text, err := readFile(file)
		if err != nil {
			return Credentials{}, s.misconfigured("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: %s", reason(err))
		}
		token = strings.TrimSpace(text)
	}
	if token != "" {
		r.Header = http.Header{"Authorization": {token}}
	}
	client, err := s.client(u.Scheme+"://"+u.Host, true)
	if err != nil {
		return Credentials{}, err
	}
	defer client.Close()
	a, err := client.Do(ctx, r)
	switch {
	case err != nil:
		return Credentials{}, err
	case !a.OK():
		return Credentials{}, client.Refused(r, a, "")
	}
	return s.endpointCredentials(client, r, a, "the container")
}

// instance asks the metadata service of EC2, version 2: a token first, then the name of the role, then its credentials. With an error,
// there says whether an instance with a role is there all the same: its service has a bad time, and is worth another try.
func (s *Source) instance(ctx context.Context) (c Credentials, there bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, metadataAll)
	defer cancel()
	base := "http://169.254.169.254"
	if strings.EqualFold(s.env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "ipv6") {
		base = "http://[fd00:ec2::254]"
	}
	var connected atomic.Bool
	client, err := s.clientOver(firstOf(s.env("AWS_EC2_METADATA_SERVICE_ENDPOINT"), base), true, rest.Connecting(s.c.Dial, &connected))
	if err != nil {
		return Credentials{}, true, err
	}
	defer client.Close()

	first, stop := context.WithTimeout(ctx, metadataFirst)
	defer stop()
	r := rest.Request{
		What: "get the credentials of the instance", Method: http.MethodPut, Path: "/latest/api/token",
		Header: http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {"300"}},
	}
	a, err := client.Do(first, r)
	switch {
	case err != nil:
		return Credentials{}, connected.Load(), err
	case !a.OK() || len(a.Body) == 0: // it is off, or somebody else's
		return Credentials{}, a.Status == http.StatusTooManyRequests || a.Status >= http.StatusInternalServerError, client.Refused(r, a, "")
	}
	const roles = "/latest/meta-data/iam/security-credentials/"
	r.Method, r.Header, r.Path = http.MethodGet, http.Header{"X-Aws-Ec2-Metadata-Token": {strings.TrimSpace(string(a.Body))}}, roles
	if a, err = client.Do(ctx, r); err != nil {
		return Credentials{}, true, err
	}
	role, _, _ := strings.Cut(strings.TrimSpace(string(a.Body)), "\n")
	if !a.OK() || role == "" {
		return Credentials{}, !a.OK() && a.Status != http.StatusNotFound, client.Refused(r, a, "")
	}
	r.Path = roles + url.PathEscape(role)
	if a, err = client.Do(ctx, r); err != nil {
		return Credentials{}, true, err
	}
	if !a.OK() {
		return Credentials{}, true, client.Refused(r, a, "")
	}
	c, err = s.endpointCredentials(client, r, a, "the instance's role")
	return c, true, err
}

func (s *Source) endpointCredentials(client *rest.Client, r rest.Request, a *rest.Answer, from string) (Credentials, error) {
	var got endpointAnswer
	if err := client.JSON(r, a, &got); err != nil {
		return Credentials{}, err
	}
	c, ok := got.credentials(from)
	if !ok || got.Code != "" && got.Code != "Success" {
		return Credentials{}, s.misconfigured("%s gave out no credentials", from)
	}
	return c, nil
}
