package broker

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"tacit/internal/fault"
)

// The headers of Signature Version 4, canonical. See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
const (
	amzDate          = "X-Amz-Date"
	amzSecurityToken = "X-Amz-Security-Token" //nolint:gosec // a name
	amzContentSHA256 = "X-Amz-Content-Sha256"
)

// sigV4 signs requests to AWS, and to what speaks like it. A signature that the caller made with something else is dropped.
type sigV4 struct {
	common
	credentials aws.Credentials
	service     string // from the service file; empty: from the host
	region      string // from the service file, else from the credential; empty: from the host, else from the caller's signature
	signer      *v4.Signer
	now         func() time.Time
}

// newSigV4 takes the values access_key_id, secret_access_key and, when they are there, session_token and region.
func newSigV4(c *compiler, now func() time.Time) (*sigV4, error) {
	s := &sigV4{service: c.service.Auth.SigV4.Service, region: c.service.Auth.SigV4.Region, signer: v4.NewSigner(), now: now}
	var err error
	if s.credentials.AccessKeyID, err = c.value("access_key_id", ""); err != nil {
		return nil, err
	}
	if s.credentials.SecretAccessKey, err = c.value("secret_access_key", ""); err != nil {
		return nil, err
	}
	if c.values["session_token"].Len() > 0 {
		s.credentials.SessionToken, _ = c.value("session_token", "") // it is there
	}
	for placeholder, value := range map[string]string{"access_key_id": s.credentials.AccessKeyID, "session_token": s.credentials.SessionToken} {
		if why := inHeader(value); why != "" {
			return nil, c.bad(placeholder, "%s", why)
		}
	}
	if s.region == "" && c.values["region"].Len() > 0 {
		if s.region, _ = c.value("region", ""); !isRegionName(s.region) {
			return nil, c.bad("region", "it is no region of AWS")
		}
	}
	// A session token is a secret, and it is on the wire.
	s.common = c.done(Reserved{
		Headers: []string{"authorization", "x-amz-date", "x-amz-security-token"},
		Queries: presigned(),
	}, s.credentials.SessionToken != "")
	return s, nil
}

// presigned returns the parameters that authenticate a request in its query, lower case.
func presigned() []string {
	return []string{
		"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature",
		"x-amz-security-token", "x-amz-content-sha256",
	}
}

// unsigned are headers that may change after the signature was made, or on the way, canonical: connections and proxies set them.
func unsigned(name string) bool {
	switch name {
	case "Accept-Encoding", "Authorization", "Connection", "Content-Length", "Expect", "Te", "Transfer-Encoding", "User-Agent", "Via",
		"X-Amzn-Trace-Id":
		return true
	}
	return false
}

func (s *sigV4) Apply(ctx context.Context, out *Outgoing) ([][]byte, error) {
	asked := callersScope(out)
	host := hostScope(out.Host)
	service := firstOf(s.service, host.service)
	region := firstOf(s.region, host.region)
	signer := s.signer
	if region == "" {
		// The signer remembers a key for each region, which it must not do for whatever a caller names.
		region, signer = asked.region, v4.NewSigner()
	}
	if service == "" || region == "" {
		return nil, fault.New(fault.Invalid, "sign for AWS: nothing says which %s the host %s belongs to", missingOf(service), out.Host).
			WithFix("give the credential a secret for the placeholder region, or the service a region")
	}
	// S3 takes paths as they are; every other service has what is already escaped escaped again.
	s3 := service == "s3" || service == "s3express" || service == "s3-outposts" || service == "s3-object-lambda"
	var err error
	if out.Query, err = withoutSignature(out.Query); err != nil {
		return nil, err
	}
	payload, err := signedPayload(out, s3)
	if err != nil {
		return nil, err
	}
	address, err := signedAddress(out, s3)
	if err != nil {
		return nil, err
	}

	out.Header.Del("Authorization")
	out.Header.Del(amzSecurityToken)
	r := &http.Request{Method: out.Method, URL: address, Host: out.Host, Header: make(http.Header, len(out.Header))}
	for name, values := range out.Header {
		if !unsigned(name) {
			r.Header[name] = values
		}
	}
	r.Header.Del(amzDate) // the signer would write over the caller's slice
	err = signer.SignHTTP(ctx, s.credentials, r, payload, service, region, s.now(), func(o *v4.SignerOptions) { o.DisableURIPathEscaping = s3 })
	if err != nil {
		return nil, fault.New(fault.Failed, "sign for AWS: %s, %s", service, region)
	}
	out.Query = r.URL.RawQuery // as it was signed: sorted, and escaped as AWS does
	for _, name := range []string{"Authorization", amzDate, amzSecurityToken} {
		if values := r.Header[name]; values != nil {
			out.Header[name] = values
		}
	}
	return nil, nil
}

// withoutSignature returns the query without the parameters of another signature.
func withoutSignature(query string) (string, error) {
	if query == "" {
		return "", nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", fault.New(fault.Invalid, "sign for AWS: the query is malformed")
	}
	for name := range values {
		if slices.ContainsFunc(presigned(), func(p string) bool { return strings.EqualFold(name, p) }) {
			delete(values, name)
		}
	}
	return values.Encode(), nil
}

// signedAddress returns the address whose path is what the service will sign: the one on the wire, or for S3 the key with all escaped
// that AWS escapes, whatever the caller did.
func signedAddress(out *Outgoing, s3 bool) (*url.URL, error) {
	decoded, err := url.PathUnescape(out.Path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "sign for AWS: the path is malformed")
	}
	address := &url.URL{Scheme: out.Scheme, Host: out.Host, Path: decoded, RawPath: out.Path, RawQuery: out.Query}
	if s3 {
		// S3 takes a bare + for a space. What is escaped stays as it is: %2F is no slash.
		out.Path = escapePath(out.Path, true)
		address.RawPath = escapePath(decoded, false)
	}
	if address.EscapedPath() != address.RawPath { // it would sign another path than the one that is sent
		return nil, fault.New(fault.Invalid, "sign for AWS: the path is not escaped as it should be")
	}
	return address, nil
}

// escapePath escapes everything but unreserved characters and slashes, and, when it is told so, what is escaped already.
func escapePath(path string, escaped bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c == '/' || isUnreserved(c) || escaped && c == '%' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func missingOf(service string) string {
	if service == "" {
		return "service"
	}
	return "region"
}
