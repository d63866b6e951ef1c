package awscreds

import (
	"context"
	"crypto/sha1" //nolint:gosec // the name of a file, as AWS's tools choose it; nothing is protected by it
	"encoding/hex"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// sso exchanges the token that `aws sso login` left in ~/.aws/sso/cache for the credentials of an account and role. The token is not
// renewed here: logging in is the person's.
func (s *Source) sso(ctx context.Context, name string, p profile) (Credentials, error) {
	from := "SSO profile " + name
	login := "run `aws sso login --profile " + name + "`"
	key, region := p["sso_start_url"], p["sso_region"]
	if session := p["sso_session"]; session != "" {
		of, ok := s.files.sessions[session]
		if !ok {
			return Credentials{}, s.misconfigured("the profile %q names the sso-session %q, which is in none of %s", name, session, s.files.where())
		}
		key, region = session, of["sso_region"]
	}
	account, role := p["sso_account_id"], p["sso_role_name"]
	base, ok := Endpoint("portal.sso", region)
	if !ok || account == "" || role == "" {
		return Credentials{}, s.misconfigured("the SSO profile %q needs sso_region, sso_account_id and sso_role_name", name).WithFix("run `aws configure sso`")
	}
	token, err := s.ssoToken(key)
	if err != nil {
		return Credentials{}, err
	}
	if token == "" {
		return Credentials{}, provider.Errorf(fault.Denied, s.c.Name, "the SSO session of profile %q has ended or was never begun", name).WithFix("%s", login)
	}
	client, err := s.client(firstOf(Override(s.c.World.Getenv, "AWS_ENDPOINT_URL_SSO"), base), false)
	if err != nil {
		return Credentials{}, err
	}
	defer client.Close()
	r := rest.Request{
		What: "get the credentials of " + from, Path: "/federation/credentials",
		Query: url.Values{"account_id": {account}, "role_name": {role}}, Header: http.Header{"X-Amz-Sso_bearer_token": {token}},
	}
	a, err := client.Do(ctx, r)
	switch {
	case err != nil:
		return Credentials{}, err
	case a.Status == http.StatusUnauthorized:
		return Credentials{}, provider.Errorf(fault.Denied, s.c.Name, "the SSO session of profile %q has ended", name).WithFix("%s", login)
	case !a.OK():
		return Credentials{}, client.Refused(r, a, "")
	}
	var got struct {
		RoleCredentials struct {
			AccessKeyID     string `json:"accessKeyId"`
			SecretAccessKey string `json:"secretAccessKey"`
			SessionToken    string `json:"sessionToken"`
			Expiration      int64  `json:"expiration"` // milliseconds
		} `json:"roleCredentials"`
	}
	if err := client.JSON(r, a, &got); err != nil {
		return Credentials{}, err
	}
	c := got.RoleCredentials
	return Credentials{
		KeyID: c.AccessKeyID, Key: secret.New([]byte(c.SecretAccessKey)), Session: c.SessionToken, Expires: time.UnixMilli(c.Expiration), From: from,
	}, nil
}

// ssoToken returns the token that was cached for a start URL or a session; empty: there is none that is still good.
func (s *Source) ssoToken(key string) (string, error) {
	sum := sha1.Sum([]byte(key)) //nolint:gosec // see above
	path := filepath.Join(s.c.World.Home, ".aws", "sso", "cache", hex.EncodeToString(sum[:])+".json")
	text, err := readFile(path)
	if err != nil {
		return "", nil //nolint:nilerr // not there, or not for us: logging in makes it
	}
	var cached struct {
		AccessToken string `json:"accessToken"`
		ExpiresAt   string `json:"expiresAt"`
	}
	if err := json.Unmarshal([]byte(text), &cached); err != nil {
		return "", s.misconfigured("%s is not what AWS's tools write there", path).WithFix("run `aws sso login`")
	}
	// Older tools wrote "2020-06-17T10:02:08UTC".
	expires, err := time.Parse(time.RFC3339, strings.Replace(cached.ExpiresAt, "UTC", "Z", 1))
	if err != nil || !s.c.World.Now().Before(expires) {
		return "", nil //nolint:nilerr // without a time that is to come it is as good as ended
	}
	return cached.AccessToken, nil
}
