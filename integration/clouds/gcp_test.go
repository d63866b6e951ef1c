package clouds

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/googleapis/gax-go/v2/apierror"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/gcpcreds"
	"tacit/internal/provider/gcpfake"
	"tacit/internal/provider/gcpsecrets"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

func theirGCP(t *testing.T, s *gcpfake.Server, token string) *secretmanager.Client {
	t.Helper()
	transport := &oauth2.Transport{Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token, TokenType: "Bearer"})}
	c, err := secretmanager.NewRESTClient(t.Context(), option.WithEndpoint(s.URL), option.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func code(err error) codes.Code {
	var e *apierror.APIError
	if !errors.As(err, &e) {
		return codes.OK
	}
	switch e.HTTPCode() {
	case 404:
		return codes.NotFound
	case 409:
		return codes.AlreadyExists
	case 401:
		return codes.Unauthenticated
	case 400:
		return codes.FailedPrecondition
	}
	return codes.Unknown
}

func TestSecretManager(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := gcpfake.New("static-token", 3, time.Now, time.Hour)
	t.Cleanup(s.Close)
	theirs := theirGCP(t, s, "static-token")
	env := map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(s.URL, "http://")}
	p, err := gcpsecrets.Make(provider.Spec{Name: "ours", Settings: providertest.Table("endpoint", s.URL)}, provider.World{
		Getenv: func(n string) string { return env[n] }, Now: time.Now, Debug: func(string, ...any) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	const parent = "projects/" + gcpfake.Project

	create := &pb.CreateSecretRequest{Parent: parent, SecretId: "db", Secret: &pb.Secret{Replication: &pb.Replication{Replication: &pb.Replication_Automatic_{Automatic: &pb.Replication_Automatic{}}}}}
	if _, err := theirs.CreateSecret(ctx, create); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(ctx, "db", ""); !errors.Is(err, fault.NotFound) {
		t.Errorf("a secret without a version: %v", err)
	}
	data := []byte{0, 1, 0xff}
	sum := int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	added, err := theirs.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{Parent: parent + "/secrets/db", Payload: &pb.SecretPayload{Data: data, DataCrc32C: &sum}})
	if err != nil || !added.ClientSpecifiedPayloadChecksum || !strings.HasSuffix(added.Name, "/versions/1") {
		t.Fatal(added, err)
	}
	if it, err := p.Read(ctx, "db", ""); err != nil || !slices.Equal(it.Value.Reveal(), data) || it.Version != "1" {
		t.Errorf("what the SDK added: %x of %s, %v", it.Value.Reveal(), it.Version, err)
	}
	sum++
	if _, err := theirs.AddSecretVersion(ctx, &pb.AddSecretVersionRequest{Parent: parent + "/secrets/db", Payload: &pb.SecretPayload{Data: data, DataCrc32C: &sum}}); code(err) != codes.FailedPrecondition {
		t.Errorf("a wrong checksum: %v", err)
	}
	for i := range 7 {
		if _, err := p.Write(ctx, fmt.Sprintf("key-%d", i), secret.New([]byte("value ä"))); err != nil {
			t.Fatal(err)
		}
	}
	got, err := theirs.AccessSecretVersion(ctx, &pb.AccessSecretVersionRequest{Name: parent + "/secrets/key-0/versions/latest"})
	if err != nil || string(got.Payload.Data) != "value ä" || got.Payload.GetDataCrc32C() != int64(crc32.Checksum(got.Payload.Data, crc32.MakeTable(crc32.Castagnoli))) {
		t.Errorf("what we wrote: %v, %v", got, err)
	}
	var names, own []string
	for it := theirs.ListSecrets(ctx, &pb.ListSecretsRequest{Parent: parent}); ; {
		x, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil || x.CreateTime == nil {
			t.Fatal(x, err)
		}
		names = append(names, filepath.Base(x.Name))
	}
	if err := p.List(ctx, func(it provider.Item) error { own = append(own, it.Name); return nil }); err != nil || !slices.Equal(names, own) || len(own) != 8 {
		t.Errorf("listed %q, ours %q, %v", names, own, err)
	}
	versions := theirs.ListSecretVersions(ctx, &pb.ListSecretVersionsRequest{Parent: parent + "/secrets/db"})
	if v, err := versions.Next(); err != nil || v.State != pb.SecretVersion_ENABLED {
		t.Errorf("versions: %v, %v", v, err)
	}

	s.Set("db", 1, "DISABLED")
	if _, err := theirs.AccessSecretVersion(ctx, &pb.AccessSecretVersionRequest{Name: parent + "/secrets/db/versions/1"}); code(err) != codes.FailedPrecondition {
		t.Errorf("a disabled one: %v", err)
	}
	if _, err := theirs.CreateSecret(ctx, create); code(err) != codes.AlreadyExists {
		t.Errorf("one that exists: %v", err)
	}
	if err := theirs.DeleteSecret(ctx, &pb.DeleteSecretRequest{Name: parent + "/secrets/key-0"}); err != nil {
		t.Error(err)
	}
	if _, err := p.Read(ctx, "key-0", ""); !errors.Is(err, fault.NotFound) {
		t.Errorf("what the SDK deleted: %v", err)
	}
	if _, err := theirs.GetSecret(ctx, &pb.GetSecretRequest{Name: parent + "/secrets/none"}); code(err) != codes.NotFound {
		t.Errorf("a missing one: %v", err)
	}
	if _, err := theirGCP(t, s, "another").GetSecret(ctx, &pb.GetSecretRequest{Name: parent + "/secrets/db"}); code(err) != codes.Unauthenticated {
		t.Errorf("a wrong token: %v", err)
	}
}

// TestGoogleCredentials: what Google's own library makes of a file is taken by the fake as ours is.
func TestGoogleCredentials(t *testing.T) {
	s := gcpfake.New("", 3, time.Now, time.Hour)
	t.Cleanup(s.Close)
	const audience = "https://secretmanager.googleapis.com/"
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.Signer, s.SignedAudience = &key.PublicKey, audience
	account, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": gcpfake.Project, "client_email": "app@acme.iam.example", "private_key_id": "k1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": s.URL + "/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(what, token string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		if _, err := theirGCP(t, s, token).GetSecret(t.Context(), &pb.GetSecretRequest{Name: "projects/" + gcpfake.Project + "/secrets/none"}); code(err) != codes.NotFound {
			t.Errorf("%s is not taken: %v", what, err)
		}
	}
	ours := func(env map[string]string) (string, error) {
		token, err := gcpcreds.New(gcpcreds.Config{Name: "ours", Audience: audience, World: provider.World{
			Getenv: func(n string) string { return env[n] }, Now: time.Now, Debug: func(string, ...any) {},
		}}).Get(t.Context())
		return string(token.Bearer.Reveal()), err
	}

	signed, err := google.JWTAccessTokenSourceFromJSON(account, audience)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.Token()
	if err != nil {
		t.Fatal(err)
	}
	check("Google's signed token", token.AccessToken, nil)
	file := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(file, account, 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := ours(map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file})
	check("our signed token", own, err)

	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(s.URL, "http://"))
	token, err = google.ComputeTokenSource("").Token()
	if err != nil {
		t.Fatal(err)
	}
	check("Google's token of the machine", token.AccessToken, nil)
	own, err = ours(map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(s.URL, "http://")})
	check("our token of the machine", own, err)
}
