package azurekeyvault

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/program"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
)

// The kinds of credential.
const (
	kindCLI      = "cli"           // whoever is logged in at `az`
	kindSecret   = "client_secret" // an application with a secret
	kindManaged  = "managed"       // what the machine itself is
	kindWorkload = "workload"      // what a federated token says that we are: a pod, a job of CI
)

const (
	publicAuthority = "https://login.microsoftonline.com"
	machine         = "http://169.254.169.254" // the instance metadata service; a name could lead elsewhere
	maxToken        = 64 << 10
)

// An identity gets tokens for one resource. What it asks is described at
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
// https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token.
type identity struct {
	name           string // of the provider
	kind           string
	tenant, client string
	resource       string // "https://vault.azure.net"
	ca             string
	world          provider.World
	dial           dialer
}

// A token, and how long it lives.
type token struct {
	text secret.Value
	life time.Duration
}

// get gets a new token.
func (i *identity) get(ctx context.Context) (token, error) {
	switch i.kind {
	case kindSecret:
		return i.withSecret(ctx)
	case kindWorkload:
		return i.withFederated(ctx)
	case kindManaged:
		return i.withMachine(ctx)
	}
	return i.withCLI(ctx)
}

func (i *identity) misconfigured(format string, args ...any) *fault.Error {
	return provider.Errorf(fault.Usage, i.name, format, args...)
}

func (i *identity) withSecret(ctx context.Context) (token, error) {
	proof := i.world.Getenv("AZURE_CLIENT_SECRET")
	if i.tenant == "" || i.client == "" || proof == "" {
		return token{}, i.misconfigured("client_secret needs a tenant, a client and its secret").WithFix("set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET")
	}
	return i.exchange(ctx, url.Values{"client_secret": {proof}})
}

func (i *identity) withFederated(ctx context.Context) (token, error) {
	file := i.world.Getenv("AZURE_FEDERATED_TOKEN_FILE")
	if i.tenant == "" || i.client == "" || file == "" {
		return token{}, i.misconfigured("workload needs a tenant, a client and a token").WithFix("set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE")
	}
	f, err := os.Open(file)
	if err != nil {
		return token{}, i.misconfigured("the file of AZURE_FEDERATED_TOKEN_FILE cannot be read").WithFix("check that it is there and who may read it")
	}
	defer f.Close() //nolint:errcheck // it was read
	assertion, err := io.ReadAll(io.LimitReader(f, maxToken))
	if err != nil {
		return token{}, i.misconfigured("the file of AZURE_FEDERATED_TOKEN_FILE cannot be read").WithFix("check that it is a file")
	}
	return i.exchange(ctx, url.Values{
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {strings.TrimSpace(string(assertion))},
	})
}

// exchange asks Entra for a token of the application.
func (i *identity) exchange(ctx context.Context, proof url.Values) (token, error) {
	base := i.world.Getenv("AZURE_AUTHORITY_HOST")
	if base == "" {
		base = publicAuthority
	}
	client, err := rest.New(rest.Config{
		Name: i.name, Base: strings.TrimSuffix(base, "/"), CAPEM: i.ca, MaxAnswer: maxToken,
		Debug: i.world.Debug, Getenv: i.world.Getenv, Now: i.world.Now, Dial: i.dial,
	})
	if err != nil {
		return token{}, err
	}
	defer client.Close()
	proof.Set("grant_type", "client_credentials")
	proof.Set("client_id", i.client)
	proof.Set("scope", i.resource+"/.default")
	r := rest.Request{
		What: "log in", Method: http.MethodPost, Path: "/" + i.tenant + "/oauth2/v2.0/token",
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(proof.Encode()),
	}
	a, err := client.Do(ctx, r)
	if err != nil {
		return token{}, err
	}
	if a.Status == http.StatusBadRequest || a.Status == http.StatusUnauthorized {
		var said struct {
			Codes []int64 `json:"error_codes"`
		}
		word := ""
		if json.Unmarshal(a.Body, &said) == nil && len(said.Codes) > 0 {
			word = "AADSTS" + strconv.FormatInt(said.Codes[0], 10)
		}
		return token{}, advise(client.Error(fault.Denied, r, a, word), "check tenant, client and its secret or federated token; https://login.microsoftonline.com/error explains the code")
	}
	return i.parse(client, r, a)
}

// withMachine asks the machine that we run on: App Service and Container Apps by the variables that they set, others by the instance
// metadata service.
func (i *identity) withMachine(ctx context.Context) (token, error) {
	getenv := i.world.Getenv
	base, path := getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST"), "/metadata/identity/oauth2/token"
	if base == "" {
		base = machine
	}
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {i.resource}}
	header := http.Header{"Metadata": {"true"}}
	if endpoint := getenv("IDENTITY_ENDPOINT"); endpoint != "" && getenv("IDENTITY_HEADER") != "" {
		base, path = endpoint, ""
		query.Set("api-version", "2019-08-01")
		header = http.Header{"X-Identity-Header": {getenv("IDENTITY_HEADER")}}
	}
	if i.client != "" {
		query.Set("client_id", i.client)
	}
	client, err := rest.New(rest.Config{
		Name: i.name, Base: strings.TrimSuffix(base, "/"), Plain: true, Direct: true, MaxAnswer: maxToken,
		Debug: i.world.Debug, Getenv: getenv, Now: i.world.Now, Dial: i.dial,
	})
	if err != nil {
		return token{}, err
	}
	defer client.Close()
	r := rest.Request{What: "ask the machine who it is", Path: path, Query: query, Header: header}
	a, err := client.Do(ctx, r)
	if err != nil {
		return token{}, advise(err, "this works on a machine in Azure with a managed identity; elsewhere set credential to another kind")
	}
	if a.Status == http.StatusBadRequest {
		return token{}, advise(client.Error(fault.Denied, r, a, ""), "give the machine a managed identity, or set client_id to one that it has")
	}
	return i.parse(client, r, a)
}

// A term is when a token ends, in the words of whoever gave it: Entra and virtual machines say expires_in, App Service, Functions and
// Container Apps expires_on alone, the Azure CLI too unless it is old, and then it says nothing that is not local time. Each is a number, or
// one as text.
type term struct {
	In jsontext.Value `json:"expires_in"` // seconds
	On jsontext.Value `json:"expires_on"` // seconds since 1970
}

// untold is how long a token lives when nobody said: long enough for one command.
const untold = early + time.Minute

func (t term) life(now time.Time) time.Duration {
	if seconds, ok := number(t.In); ok {
		return time.Duration(min(seconds, 1<<31)) * time.Second
	}
	if at, ok := number(t.On); ok {
		return max(0, time.Unix(at, 0).Sub(now))
	}
	return untold
}

// number reads a number of seconds, which may stand in quotation marks.
func number(v jsontext.Value) (int64, bool) {
	n, err := strconv.ParseInt(strings.Trim(string(v), `"`), 10, 64)
	return n, err == nil && n >= 0
}

// parse reads the answer of Entra or a machine.
func (i *identity) parse(client *rest.Client, r rest.Request, a *rest.Answer) (token, error) {
	if !a.OK() {
		return token{}, client.Refused(r, a, "")
	}
	var got struct {
		Token string `json:"access_token"`
		term
	}
	if err := client.JSON(r, a, &got); err != nil {
		return token{}, err
	}
	return i.checked(got.Token, got.life(i.world.Now()))
}

// checked returns a token that may stand in a header.
func (i *identity) checked(text string, life time.Duration) (token, error) {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' }) {
		return token{}, provider.Errorf(fault.Unavailable, i.name, "log in: the answer has no token").WithFix("check the credential: `az account get-access-token --resource %s`", i.resource)
	}
	return token{secret.New([]byte(text)), life}, nil
}

// withCLI asks Azure's own command line for a token of whoever is logged in there.
func (i *identity) withCLI(ctx context.Context) (token, error) {
	az := program.Program{Provider: i.name, Argv: []string{"az"}, World: i.world, MaxOutput: maxToken}
	args := []string{"account", "get-access-token", "--output", "json", "--resource", i.resource}
	if i.tenant != "" {
		args = append(args, "--tenant", i.tenant)
	}
	result, err := az.Run(ctx, nil, args...)
	if err != nil {
		return token{}, advise(err, "install the Azure CLI and run `az login`, or set credential to another kind")
	}
	if result.Exit != 0 {
		return token{}, provider.Errorf(fault.Denied, i.name, "az gives no token (status %d)", result.Exit).WithFix("run `az login`, or set credential to another kind")
	}
	var got struct {
		Token string `json:"accessToken"`
		term         // expiresOn beside it is local time
	}
	if json.Unmarshal(result.Stdout, &got) != nil {
		return token{}, provider.Errorf(fault.Unavailable, i.name, "az does not answer as it should").WithFix("try `az account get-access-token` by hand")
	}
	return i.checked(got.Token, got.life(i.world.Now()))
}
