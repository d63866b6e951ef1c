package clouds

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/awsfake"
	"tacit/internal/provider/awssecrets"
	"tacit/internal/provider/awsssm"
	"tacit/internal/provider/providertest"
	"tacit/internal/secret"
)

const (
	keyID   = "AKIDTESTLONG"
	key     = "test/signing+key"
	session = "test/session+token=="
)

func fakeAWS(t *testing.T) *awsfake.Server {
	t.Helper()
	s := awsfake.New(keyID, awsfake.Key{Secret: key, Session: session}, 3, time.Now)
	t.Cleanup(s.Close)
	return s
}

func keys(secret string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(keyID, secret, session)
}

// once is no retrying: an error is looked at as it comes.
func once() aws.Retryer { return aws.NopRetryer{} }

// ours makes tacit's provider for the fake.
func ours(t *testing.T, make provider.Make, s *awsfake.Server, pairs ...any) provider.Provider {
	t.Helper()
	env := map[string]string{"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": key, "AWS_SESSION_TOKEN": session}
	p, err := make(provider.Spec{Name: "ours", Settings: providertest.Table(append(pairs, "endpoint", s.URL, "region", awsfake.Region)...)}, provider.World{
		Getenv: func(n string) string { return env[n] }, Now: time.Now, Debug: func(string, ...any) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestSecretsManager(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), fakeAWS(t)
	theirs := secretsmanager.New(secretsmanager.Options{Region: awsfake.Region, BaseEndpoint: &s.URL, Credentials: keys(key), Retryer: once()})
	p := ours(t, awssecrets.Make, s, "prefix", "app/")
	v := p.(provider.Versioner)

	made, err := theirs.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/db"), SecretString: aws.String("one <&> \u2028 ä")})
	if err != nil {
		t.Fatal(err)
	}
	if it, err := p.Read(ctx, "db", ""); err != nil || string(it.Value.Reveal()) != "one <&> \u2028 ä" || it.Version != *made.VersionId || it.CreatedAt.IsZero() {
		t.Errorf("what the SDK created: %q of %s, %v", it.Value.Reveal(), it.Version, err)
	}
	put, err := p.Write(ctx, "db", secret.New([]byte{0, 1, 0xff}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := theirs.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
	if err != nil || !slices.Equal(got.SecretBinary, []byte{0, 1, 0xff}) || *got.VersionId != put.Version || got.CreatedDate.IsZero() {
		t.Errorf("what we wrote: %+v, %v", got, err)
	}
	old, err := theirs.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: made.ARN, VersionStage: aws.String("AWSPREVIOUS")})
	if err != nil || *old.VersionId != *made.VersionId {
		t.Errorf("the previous one, by ARN: %v", err)
	}
	listed, err := theirs.ListSecretVersionIds(ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: aws.String("app/db")})
	all, our := v.Versions(ctx, "db")
	if err != nil || our != nil || len(listed.Versions) != 2 || len(all) != 2 || all[0].Version != put.Version {
		t.Errorf("versions: %d, %v; ours %d, %v", len(listed.Versions), err, len(all), our)
	}

	for i := range 7 {
		if _, err := theirs.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(fmt.Sprintf("app/key-%d", i)), SecretString: aws.String("x")}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	pages := secretsmanager.NewListSecretsPaginator(theirs, &secretsmanager.ListSecretsInput{Filters: []smtypes.Filter{{Key: smtypes.FilterNameStringTypeName, Values: []string{"app/"}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.SecretList {
			names = append(names, strings.TrimPrefix(*x.Name, "app/"))
		}
	}
	var own []string
	if err := p.List(ctx, func(it provider.Item) error { own = append(own, it.Name); return nil }); err != nil || !slices.Equal(names, own) || len(own) != 8 {
		t.Errorf("listed %q, ours %q, %v", names, own, err)
	}

	batch, err := theirs.BatchGetSecretValue(ctx, &secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{"app/key-0", "app/none", "app/db"}})
	if err != nil || len(batch.SecretValues) != 2 || len(batch.Errors) != 1 || *batch.Errors[0].SecretId != "app/none" || *batch.Errors[0].ErrorCode != "ResourceNotFoundException" {
		t.Errorf("batch: %+v, %v", batch, err)
	}

	if _, err := p.Delete(ctx, "db"); err != nil {
		t.Error(err)
	}
	_, err = theirs.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
	var request *smtypes.InvalidRequestException
	if !errors.As(err, &request) || !strings.Contains(request.ErrorMessage(), "marked for deletion") {
		t.Errorf("a deleted one: %v", err)
	}
	described, err := theirs.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("app/db")})
	if err != nil || described.DeletedDate == nil {
		t.Errorf("describe: %v", err)
	}
	if _, err := theirs.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: aws.String("app/db")}); err != nil {
		t.Error(err)
	}
	if it, err := p.Read(ctx, "db", ""); err != nil || it.Version != put.Version {
		t.Errorf("a restored one: %v", err)
	}
	if _, err := theirs.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: aws.String("app/db"), RecoveryWindowInDays: aws.Int64(7)}); err != nil {
		t.Error(err)
	}
	if _, err := p.Read(ctx, "db", ""); !errors.Is(err, fault.Expired) {
		t.Errorf("what the SDK deleted: %v", err)
	}

	_, err = theirs.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/none")})
	var missing *smtypes.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("a missing one: %v", err)
	}
	_, err = theirs.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("app/key-0"), SecretString: aws.String("x")})
	var exists *smtypes.ResourceExistsException
	if !errors.As(err, &exists) {
		t.Errorf("one that exists: %v", err)
	}
	wrong := secretsmanager.New(secretsmanager.Options{Region: awsfake.Region, BaseEndpoint: &s.URL, Credentials: keys("wrong"), Retryer: once()})
	_, err = wrong.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String("app/db")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("a wrong key: %v", err)
	}
}

func TestParameterStore(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), fakeAWS(t)
	theirs := ssm.New(ssm.Options{Region: awsfake.Region, BaseEndpoint: &s.URL, Credentials: keys(key), Retryer: once()})
	p := ours(t, awsssm.Make, s, "prefix", "/app")

	put, err := theirs.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/app/db"), Value: aws.String("one"), Type: ssmtypes.ParameterTypeSecureString})
	if err != nil || put.Version != 1 {
		t.Fatal(put, err)
	}
	if it, err := p.Read(ctx, "db", ""); err != nil || string(it.Value.Reveal()) != "one" || it.Version != "1" {
		t.Errorf("what the SDK put: %q of %s, %v", it.Value.Reveal(), it.Version, err)
	}
	if it, err := p.Write(ctx, "db", secret.New([]byte("two ä"))); err != nil || it.Version != "2" {
		t.Fatal(it, err)
	}
	got, err := theirs.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/app/db"), WithDecryption: aws.Bool(true)})
	if err != nil || *got.Parameter.Value != "two ä" || got.Parameter.Version != 2 || got.Parameter.LastModifiedDate.IsZero() {
		t.Errorf("what we wrote: %+v, %v", got, err)
	}
	sealed, err := theirs.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/app/db:1")})
	if err != nil || *sealed.Parameter.Value == "one" || *sealed.Parameter.Selector != ":1" || *sealed.Parameter.Name != "/app/db" {
		t.Errorf("without decryption: %v", err)
	}
	many, err := theirs.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{"/app/db", "/app/none"}, WithDecryption: aws.Bool(true)})
	if err != nil || len(many.Parameters) != 1 || !slices.Equal(many.InvalidParameters, []string{"/app/none"}) {
		t.Errorf("many: %+v, %v", many, err)
	}
	history, err := theirs.GetParameterHistory(ctx, &ssm.GetParameterHistoryInput{Name: aws.String("/app/db")})
	all, our := p.(provider.Versioner).Versions(ctx, "db")
	if err != nil || our != nil || len(history.Parameters) != 2 || len(all) != 2 || all[0].Version != "2" {
		t.Errorf("versions: %v, ours %v, %v", err, all, our)
	}
	for i := range 7 {
		if _, err := p.Write(ctx, fmt.Sprintf("deep/er/key-%d", i), secret.New([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	var names, own []string
	pages := ssm.NewGetParametersByPathPaginator(theirs, &ssm.GetParametersByPathInput{Path: aws.String("/app"), Recursive: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.Parameters {
			names = append(names, strings.TrimPrefix(*x.Name, "/app/"))
		}
	}
	if err := p.List(ctx, func(it provider.Item) error { own = append(own, it.Name); return nil }); err != nil || !slices.Equal(names, own) || len(own) != 8 {
		t.Errorf("listed %q, ours %q, %v", names, own, err)
	}

	var missing *ssmtypes.ParameterNotFound
	if _, err := theirs.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/app/none")}); !errors.As(err, &missing) {
		t.Errorf("a missing one: %v", err)
	}
	var noVersion *ssmtypes.ParameterVersionNotFound
	if _, err := theirs.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/app/db:9")}); !errors.As(err, &noVersion) {
		t.Errorf("a missing version: %v", err)
	}
	var exists *ssmtypes.ParameterAlreadyExists
	if _, err := theirs.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/app/db"), Value: aws.String("x"), Type: ssmtypes.ParameterTypeSecureString}); !errors.As(err, &exists) {
		t.Errorf("one that exists: %v", err)
	}
	if _, err := theirs.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/app/db")}); err != nil {
		t.Error(err)
	}
	if _, err := p.Read(ctx, "db", ""); !errors.Is(err, fault.NotFound) {
		t.Errorf("what the SDK deleted: %v", err)
	}
}
