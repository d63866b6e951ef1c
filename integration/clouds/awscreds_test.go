package clouds

import (
	"crypto/sha1" //nolint:gosec // the name of a file
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"tacit/internal/provider"
	"tacit/internal/provider/awscreds"
	"tacit/internal/provider/awsfake"
)

// TestCredentialsAreThoseOfTheSDK lets the SDK and us look for credentials on the same machine: both must take them from the same
// place. What is given out for a while differs by its number only.
func TestCredentialsAreThoseOfTheSDK(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/app"
	base := "[profile base]\naws_access_key_id=" + keyID + "\naws_secret_access_key=" + key + "\n"
	sso := "sso_region=eu-test-1\nsso_account_id=111122223333\nsso_role_name=dev\n"
	for name, test := range map[string]struct {
		config, credentials string
		env                 map[string]string
	}{
		"environment over profile": {credentials: "[default]\naws_access_key_id=OTHER\naws_secret_access_key=x\n", env: map[string]string{
			"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": key,
		}},
		"default":                 {credentials: "[default]\naws_access_key_id = " + keyID + "\naws_secret_access_key = " + key + "\n"},
		"credentials over config": {config: "[profile x]\naws_access_key_id=OTHER\naws_secret_access_key=" + key + "\n", credentials: "[x]\naws_access_key_id=" + keyID + "\naws_secret_access_key=" + key + "\n", env: map[string]string{"AWS_PROFILE": "x"}},
		"comments and nesting":    {config: "# all\n[profile x]\n; ours\ns3 =\n  aws_access_key_id = NESTED\naws_access_key_id = " + keyID + " # id\naws_secret_access_key=" + key + "\n", env: map[string]string{"AWS_PROFILE": "x"}},
		"role":                    {config: base + "[profile x]\nrole_arn=" + role + "\nsource_profile=base\n", env: map[string]string{"AWS_PROFILE": "x"}},
		"role on itself":          {config: "[profile x]\nrole_arn=" + role + "\nsource_profile=x\naws_access_key_id=" + keyID + "\naws_secret_access_key=" + key + "\n", env: map[string]string{"AWS_PROFILE": "x"}},
		"web identity":            {env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token", "AWS_ROLE_ARN": role}},
		"web identity over profile": {credentials: "[default]\naws_access_key_id=OTHER\naws_secret_access_key=x\n", env: map[string]string{
			"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token", "AWS_ROLE_ARN": role,
		}},
		"web identity of a profile": {config: "[default]\nrole_arn=" + role + "\nweb_identity_token_file=HOME/token\n"},
		"SSO":                       {config: "[default]\nsso_start_url=https://acme.example/start\n" + sso},
		"SSO of a session":          {config: "[sso-session acme]\nsso_region=eu-test-1\nsso_start_url=https://acme.example/start\n[default]\nsso_session=acme\n" + sso},
		"container":                 {config: "[default]\nregion=eu-test-1\n", env: map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token"}},
		"instance":                  {},
		"process":                   {config: "[default]\ncredential_process = sh -c 'echo \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"" + keyID + "\\\",\\\"SecretAccessKey\\\":\\\"" + key + "\\\"}\"'\n"},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: the SDK looks at the environment of the process
			s := awsfake.New(keyID, awsfake.Key{Secret: key}, 3, time.Now)
			t.Cleanup(s.Close)
			s.GiveOut("app", "sso-token", "container-token", time.Hour)
			home := t.TempDir()
			fill := strings.NewReplacer("HOME", home, "URL", s.URL).Replace
			write := func(path, text string) {
				path = filepath.Join(home, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(fill(text)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write(".aws/config", test.config)
			write(".aws/credentials", test.credentials)
			write("token", "web.identity.token")
			for _, key := range []string{"acme", "https://acme.example/start"} {
				sum := sha1.Sum([]byte(key)) //nolint:gosec // see above
				write(".aws/sso/cache/"+hex.EncodeToString(sum[:])+".json", fmt.Sprintf(`{"startUrl":"https://acme.example/start","accessToken":"sso-token","expiresAt":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
			}
			for _, v := range os.Environ() { // t.Setenv puts them back
				if n, _, _ := strings.Cut(v, "="); strings.HasPrefix(n, "AWS_") {
					t.Setenv(n, "")
				}
			}
			t.Setenv("HOME", home)
			t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, ".aws", "config")) // the SDK looked for the home when it was loaded
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, ".aws", "credentials"))
			for n, v := range map[string]string{"AWS_ENDPOINT_URL_STS": s.URL, "AWS_ENDPOINT_URL_SSO": s.URL, "AWS_EC2_METADATA_SERVICE_ENDPOINT": s.URL, "AWS_REGION": awsfake.Region} {
				t.Setenv(n, v)
			}
			for n, v := range test.env {
				t.Setenv(n, fill(v))
			}

			c, err := config.LoadDefaultConfig(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := c.Credentials.Retrieve(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			asked := s.Asked()
			got, err := awscreds.New(awscreds.Config{Name: "ours", World: provider.World{Getenv: os.Getenv, Now: time.Now, Home: home, Debug: func(string, ...any) {}}}).Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if ours := s.Asked(); fmt.Sprint(ours) != fmt.Sprint(asked) {
				t.Errorf("we asked %q, the SDK %q", ours, asked)
			}
			if strings.TrimRight(got.KeyID, "0123456789") != strings.TrimRight(theirs.AccessKeyID, "0123456789") || (got.Session == "") != (theirs.SessionToken == "") || got.Expires.IsZero() == theirs.CanExpire {
				t.Errorf("ours are %s until %v, the SDK's %s until %v", got.KeyID, got.Expires, theirs.AccessKeyID, theirs.Expires)
			}
		})
	}
}
