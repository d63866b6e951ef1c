package awsapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/awscreds"
	"tacit/internal/provider/rest"
	"tacit/internal/settings"
)

// A Service is one of the stores.
type Service struct {
	ID       string // what requests are signed for, and the first part of the host: "secretsmanager"
	Target   string // before the action in X-Amz-Target: "secretsmanager"
	Variable string // of the environment, for another address: "AWS_ENDPOINT_URL_SECRETS_MANAGER"
}

// A Client asks one store of one account and region. Several goroutines may use it.
type Client struct {
	service  Service
	name     string
	region   string
	endpoint string
	world    provider.World
	source   *awscreds.Source
	dial     func(ctx context.Context, network, address string) (net.Conn, error)

	mu   sync.Mutex
	rest *rest.Client // nil: nothing was asked yet
}

// Open takes region, profile and endpoint from the settings. The caller takes what else is his, and calls [Client.Check].
func Open(s Service, spec provider.Spec, t *settings.Table, w provider.World, dial func(ctx context.Context, network, address string) (net.Conn, error)) *Client {
	c := &Client{
		service: s, name: spec.Name, world: w, dial: dial,
		region: t.Text("region", ""), endpoint: t.Text("endpoint", ""),
	}
	if _, ok := awscreds.Endpoint(s.ID, c.region); c.region != "" && !ok {
		t.Wrong("region", "region is the name of a region of AWS, such as eu-west-1")
	}
	if c.endpoint == "" {
		c.endpoint = awscreds.Override(w.Getenv, s.Variable)
	}
	c.source = awscreds.New(awscreds.Config{Name: spec.Name, Profile: t.Text("profile", ""), Region: c.region, World: w, Dial: dial})
	return c
}

// Check returns what is wrong with the endpoint of the settings, if anything is.
func (c *Client) Check() error {
	if c.endpoint == "" {
		return nil
	}
	_, err := c.client(c.endpoint)
	return err
}

// Close gives connections back.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rest != nil {
		c.rest.Close()
	}
	return nil
}

func (c *Client) client(base string) (*rest.Client, error) {
	return rest.New(rest.Config{
		Name: c.name, Base: base, Debug: c.world.Debug, Getenv: c.world.Getenv, Now: c.world.Now, Dial: c.dial,
	})
}

// open finds the region, which may stand in AWS's files, and makes the client once.
func (c *Client) open(ctx context.Context) (*rest.Client, string, error) {
	region, err := c.source.Region(ctx)
	if err != nil {
		return nil, "", err
	}
	base, ok := awscreds.Endpoint(c.service.ID, region)
	if !ok {
		return nil, "", provider.Errorf(fault.Usage, c.name, "nothing says which region of AWS the secrets are in").
			WithFix("set secrets.providers.%s.region or AWS_REGION", c.name)
	}
	if c.endpoint != "" {
		base = c.endpoint
	} else if err := c.source.CheckEndpoint(ctx); err != nil {
		return nil, "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rest == nil {
		if c.rest, err = c.client(base); err != nil {
			return nil, "", err
		}
	}
	return c.rest, region, nil
}

// A Refusal is what AWS says no with.
type Refusal struct {
	error          // of a class, for people
	Code    string // "ResourceNotFoundException"
	Deleted bool   // the secret is marked for deletion and can be brought back
}

func (r *Refusal) Unwrap() error { return r.error }

// CodeOf returns the code that AWS refused with; empty: err is no refusal of AWS's.
func CodeOf(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

// Deleted reports whether AWS refused because the secret is marked for deletion.
func Deleted(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Deleted
}

// Call asks for one action; what says in words what for. Errors of AWS are [Refusal]s. Credentials that AWS says have ended are fetched
// anew once.
func (c *Client) Call(ctx context.Context, what, action string, in, out any) error {
	if err := provider.Ended(ctx, c.name); err != nil {
		return err
	}
	client, region, err := c.open(ctx)
	if err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil { // its text may hold the value
		return provider.Errorf(fault.Invalid, c.name, "%s: it cannot be written as JSON", what).WithFix("names and values of this store are UTF-8")
	}
	creds, err := c.source.Get(ctx)
	if err != nil {
		return err
	}
	err = c.once(ctx, client, region, creds, what, action, body, out)
	if code := CodeOf(err); code != "ExpiredTokenException" && code != "ExpiredToken" {
		return err
	}
	c.source.Forget(creds)
	fresh, again := c.source.Get(ctx)
	if again != nil || fresh.KeyID == creds.KeyID && fresh.Session == creds.Session {
		return err
	}
	return c.once(ctx, client, region, fresh, what, action, body, out)
}

func (c *Client) once(ctx context.Context, client *rest.Client, region string, creds awscreds.Credentials, what, action string, body []byte, out any) error {
	r := rest.Request{
		What: what, Method: http.MethodPost, Path: "/", Body: body,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {c.service.Target + "." + action}},
		Sign: func(out *http.Request) error {
			return awscreds.Sign(ctx, creds, out, body, c.service.ID, region, c.world.Now())
		},
	}
	a, err := client.Do(ctx, r)
	switch {
	case err != nil:
		return err
	case a.Status != http.StatusOK:
		return c.refused(client, r, a)
	}
	return client.JSON(r, a, out)
}

// refused turns an answer that is an error into ours.
func (c *Client) refused(client *rest.Client, r rest.Request, a *rest.Answer) error {
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Other   string `json:"Message"` // both spellings are seen
	}
	if json.Unmarshal(a.Body, &said) != nil {
		return client.Refused(r, a, "")
	}
	// "com.amazon.coral.service#AccessDeniedException:http://…" is AccessDeniedException.
	code := said.Type[strings.LastIndexByte(said.Type, '#')+1:]
	code, _, _ = strings.Cut(code, ":")
	class, ok := Class(code)
	if !ok {
		return client.Refused(r, a, "")
	}
	err := client.Error(class, r, a, code)
	var e *fault.Error
	if fix := wayOut(code); fix != "" && errors.As(err, &e) {
		_ = e.WithFix("%s", fix)
	}
	return &Refusal{error: err, Code: code, Deleted: MarkedForDeletion(code, said.Message+said.Other)}
}

// MarkedForDeletion reports whether an error of Secrets Manager means a secret that was deleted and can be brought back. Its code is
// that of other states as well, so that the words count.
func MarkedForDeletion(code, message string) bool {
	return code == "InvalidRequestException" && (strings.Contains(message, "marked for deletion") || strings.Contains(message, "scheduled for deletion"))
}

// Class returns the class of a code, which is fault.NotFound for none: that is the provider's to say, who knows what it asked for. False:
// the code is not known, and not repeated.
func Class(code string) (fault.Code, bool) {
	switch code {
	case "AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException",
		"SignatureDoesNotMatch", "IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
		"ExpiredTokenException", "ExpiredToken", "RequestExpired", "OptInRequired", "NotAuthorized", "DecryptionFailure", "EncryptionFailure", "InvalidKeyId",
		"KMSAccessDeniedException", "KMSInvalidStateException":
		return fault.Denied, true
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "TooManyUpdates", "RequestLimitExceeded":
		return fault.Limited, true
	case "InternalServiceError", "InternalServerError", "InternalFailure", "ServiceUnavailable", "ServiceUnavailableException":
		return fault.Unavailable, true
	case "ValidationException", "ValidationError", "InvalidParameterException", "InvalidParameterValueException", "InvalidRequestException", "LimitExceededException",
		"SerializationException", "ParameterPatternMismatchException", "HierarchyLevelLimitExceededException", "ParameterLimitExceeded",
		"ParameterMaxVersionLimitExceeded", "UnsupportedParameterType", "PoliciesLimitExceededException", "UnknownOperationException", "InvalidNextTokenException",
		"InvalidNextToken":
		return fault.Invalid, true
	case "ResourceExistsException", "ParameterAlreadyExists", "HierarchyTypeMismatchException", "PreconditionNotMetException":
		return fault.Conflict, true
	case "ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound":
		return fault.Unavailable, true
	}
	return fault.Unavailable, false
}

// wayOut is what helps with some codes.
func wayOut(code string) string {
	switch code {
	case "AccessDeniedException", "AccessDenied":
		return "let the role or user that asks do this in IAM: docs/providers has the policy"
	case "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired":
		return "check the secret access key, and the clock of this machine"
	case "UnrecognizedClientException", "InvalidClientTokenId":
		return "check the access key, and that it is of the partition of this region"
	case "ExpiredTokenException", "ExpiredToken":
		return "get new credentials: `aws sso login`, or whatever made these"
	case "DecryptionFailure", "EncryptionFailure", "InvalidKeyId", "KMSAccessDeniedException", "KMSInvalidStateException":
		return "check the KMS key of the secret: it must be enabled, and its policy must let us use it"
	}
	return ""
}

// An Epoch is a time as the protocol has it: seconds since 1970, with a fraction.
type Epoch float64

// Time returns it as a time; nothing is the zero time.
func (e Epoch) Time() time.Time {
	if e == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(float64(e) * 1000)).UTC()
}

// atOnce is how many requests are under way for one caller: as many as connections stay warm.
const atOnce = 16

// Each calls do for every number below n, some at once.
func Each(n int, do func(i int)) {
	var wg sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i := range n {
		turns <- struct{}{}
		wg.Go(func() {
			do(i)
			<-turns
		})
	}
	wg.Wait()
}
