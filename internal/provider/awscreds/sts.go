package awscreds

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// assumeRole exchanges base for the credentials of the role of p.
func (s *Source) assumeRole(ctx context.Context, base Credentials, p profile, from string) (Credentials, error) {
	form := url.Values{"Action": {"AssumeRole"}, "RoleArn": {p["role_arn"]}, "RoleSessionName": {s.sessionName(p["role_session_name"])}}
	if id := p["external_id"]; id != "" {
		form.Set("ExternalId", id)
	}
	if d := p["duration_seconds"]; d != "" {
		form.Set("DurationSeconds", d)
	}
	return s.sts(ctx, form, &base, p["region"], from)
}

// webIdentity exchanges the token in a file, which somebody keeps fresh, for the credentials of a role.
func (s *Source) webIdentity(ctx context.Context, file, role, session, from string) (Credentials, error) {
	token, err := readFile(s.expand(file))
	if err != nil {
		return Credentials{}, s.misconfigured("the web identity token %s cannot be read: %s", file, reason(err))
	}
	return s.sts(ctx, url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {role}, "RoleSessionName": {s.sessionName(session)},
		"WebIdentityToken": {strings.TrimSpace(token)},
	}, nil, "", from)
}

// sessionName is what the log of AWS calls us.
func (s *Source) sessionName(wanted string) string {
	return firstOf(wanted, fmt.Sprintf("tacit-%d", s.c.World.Now().Unix()))
}

// sts asks AWS's Security Token Service, of API version 2011-06-15, signed by as unless that is nil.
func (s *Source) sts(ctx context.Context, form url.Values, as *Credentials, region, from string) (Credentials, error) {
	region = firstOf(s.c.Region, s.env("AWS_REGION"), s.env("AWS_DEFAULT_REGION"), region, s.files.regionOf(s.profileName()), "us-east-1")
	base, ok := Endpoint("sts", region)
	if !ok {
		return Credentials{}, s.misconfigured("%q is no region", region)
	}
	client, err := s.client(firstOf(Override(s.c.World.Getenv, "AWS_ENDPOINT_URL_STS"), base), false)
	if err != nil {
		return Credentials{}, err
	}
	defer client.Close()
	form.Set("Version", "2011-06-15")
	body := []byte(form.Encode())
	r := rest.Request{
		What: "assume the role of " + from, Method: http.MethodPost, Path: "/", Body: body,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}},
	}
	if as != nil {
		r.Sign = func(out *http.Request) error { return Sign(ctx, *as, out, body, "sts", region, s.c.World.Now()) }
	}
	a, err := client.Do(ctx, r)
	if err != nil {
		return Credentials{}, err
	}
	if !a.OK() {
		return Credentials{}, stsRefused(client, r, a)
	}
	c := Credentials{From: from}
	var expires string
	ok = true
	for _, want := range []struct {
		name string
		into func(text string)
	}{
		{"AccessKeyId", func(text string) { c.KeyID = text }},
		{"SecretAccessKey", func(text string) { c.Key = secret.New([]byte(text)) }},
		{"SessionToken", func(text string) { c.Session = text }},
		{"Expiration", func(text string) { expires = text }},
	} {
		text, found := element(a.Body, want.name)
		want.into(text)
		ok = ok && found
	}
	if c.Expires, err = time.Parse(time.RFC3339, expires); err != nil || !ok {
		return Credentials{}, provider.Errorf(fault.Invalid, s.c.Name, "%s: the answer is not what STS answers", r.What).WithFix("check AWS_ENDPOINT_URL_STS")
	}
	return c, nil
}

// element returns the text of the only element of that name. STS answers in XML, of which we want four texts that hold no markup: no reader
// of XML is linked for that. What holds anything but the characters of keys, tokens and times is none.
func element(body []byte, name string) (string, bool) {
	_, rest, found := strings.Cut(string(body), "<"+name+">")
	text, after, closed := strings.Cut(rest, "</"+name+">")
	if !found || !closed || strings.Contains(after, "<"+name+">") {
		return "", false
	}
	for _, c := range []byte(text) {
		if (c|0x20 < 'a' || 'z' < c|0x20) && (c < '0' || '9' < c) && strings.IndexByte("+/=_-:.", c) < 0 {
			return "", false
		}
	}
	return text, text != ""
}

func stsRefused(client *rest.Client, r rest.Request, a *rest.Answer) error {
	code, _ := element(a.Body, "Code") // another body has none
	switch code {
	case "AccessDenied", "ExpiredTokenException", "ExpiredToken", "InvalidIdentityToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "IDPRejectedClaim":
		return client.Error(fault.Denied, r, a, code)
	case "Throttling":
		return client.Error(fault.Limited, r, a, code)
	case "IDPCommunicationError", "ServiceUnavailable":
		return client.Error(fault.Unavailable, r, a, code)
	case "ValidationError", "RegionDisabledException", "PackedPolicyTooLarge", "MalformedPolicyDocument":
		return client.Error(fault.Usage, r, a, code)
	}
	return client.Refused(r, a, "")
}

// regionOf returns the region of a profile, also when no files were read.
func (f *files) regionOf(name string) string {
	if f == nil {
		return ""
	}
	return f.profiles[name]["region"]
}
