package clouds

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"tacit/internal/provider/azurekeyvault/azurefake"
)

// signedIn gives Azure's SDK the tokens of the fake, and keeps what it was asked for.
type signedIn struct {
	fake   *azurefake.Server
	scopes []string
}

func (s *signedIn) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.scopes = append(s.scopes, options.Scopes...)
	return azcore.AccessToken{Token: s.fake.Token()}, nil
}

// fakeAzure returns a vault and Azure's own client for it, which follows the challenge of the vault and verifies its domain.
func fakeAzure(t *testing.T) (*azurefake.Server, *azsecrets.Client, *signedIn) {
	t.Helper()
	fake := azurefake.New("secret")
	s := httptest.NewTLSServer(fake)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if !strings.HasSuffix(address, azurefake.Domain+":443") {
				return nil, fmt.Errorf("the test dialled %s", address)
			}
			return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	who := &signedIn{fake: fake}
	client, err := azsecrets.NewClient(azurefake.Vault, who, &azsecrets.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: &http.Client{Transport: transport}, Retry: policy.RetryOptions{MaxRetries: -1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return fake, client, who
}

func wants(t *testing.T, err error, status int, code string) {
	t.Helper()
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) || refused.StatusCode != status || refused.ErrorCode != code {
		t.Errorf("%v, want %d %s", err, status, code)
	}
}

// TestAzureSDKTakesTheFakeForReal: a life of secrets with the official client, over the challenge of the vault.
func TestAzureSDKTakesTheFakeForReal(t *testing.T) {
	t.Parallel()
	fake, client, who := fakeAzure(t)
	ctx := t.Context()
	_, err := client.GetSecret(ctx, "nothing", "", nil)
	wants(t, err, 404, "SecretNotFound")
	if !slices.Equal(who.scopes, []string{"https://" + azurefake.Domain + "/.default"}) {
		t.Errorf("the challenge asked for %q", who.scopes)
	}
	text, kind, tag := "a value", "text/plain", "app"
	var ids []string
	for range 4 {
		made, err := client.SetSecret(ctx, "key", azsecrets.SetSecretParameters{Value: &text, ContentType: &kind, Tags: map[string]*string{"team": &tag}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, made.ID.Version())
	}
	got, err := client.GetSecret(ctx, "KEY", "", nil)
	if err != nil || *got.Value != text || *got.ContentType != kind || *got.Tags["team"] != tag || got.ID.Version() != ids[3] || got.Attributes.Created.IsZero() || !*got.Attributes.Enabled {
		t.Errorf("%+v %v", got.Secret, err)
	}
	if got, err = client.GetSecret(ctx, "key", ids[0], nil); err != nil || got.ID.Version() != ids[0] {
		t.Errorf("%v %v", got.ID, err)
	}
	var seen []string
	for pager := client.NewListSecretPropertiesVersionsPager("key", nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Value {
			seen = append(seen, p.ID.Version())
		}
	}
	if !slices.Equal(seen, ids) {
		t.Errorf("versions %q, want %q", seen, ids)
	}
	for i := range 6 {
		fake.Put(fmt.Sprintf("other-%d", i), "x")
	}
	fake.Change("other-0", "managed", true)
	names, managed := 0, 0
	for pager := client.NewListSecretPropertiesPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Value {
			names++
			if p.Managed != nil && *p.Managed {
				managed++
			}
		}
	}
	if names != 7 || managed != 1 {
		t.Errorf("%d secrets, %d managed", names, managed)
	}
	fake.Change("key", "enabled", false)
	_, err = client.GetSecret(ctx, "key", "", nil)
	wants(t, err, 403, "Forbidden")
	fake.Retain = true
	if _, err = client.DeleteSecret(ctx, "key", nil); err != nil {
		t.Error(err)
	}
	_, err = client.GetSecret(ctx, "key", "", nil)
	wants(t, err, 404, "SecretNotFound")
	_, err = client.SetSecret(ctx, "key", azsecrets.SetSecretParameters{Value: &text}, nil)
	wants(t, err, 409, "Conflict")
}

// TestAzureSDKRefusesAnotherDomain: the challenge of a vault that asks for tokens of others is refused by the SDK; the fake's is one
// that it verifies.
func TestAzureSDKRefusesAnotherDomain(t *testing.T) {
	t.Parallel()
	fake, client, who := fakeAzure(t)
	fake.Resource = "https://management.evil.test"
	if _, err := client.GetSecret(t.Context(), "key", "", nil); err == nil || !strings.Contains(err.Error(), "challenge resource") || len(who.scopes) > 0 {
		t.Errorf("%v, asked for %q", err, who.scopes)
	}
}
