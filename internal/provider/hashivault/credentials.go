package hashivault

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// serviceAccount is where Kubernetes puts the token of a pod.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path

// A method is a way to get a token. lease is how long it lives; 0: until somebody revokes it.
type method interface {
	token(ctx context.Context, v *conn) (token secret.Value, lease time.Duration, err error)
	// renews reports whether asking again can give a new token.
	renews() bool
}

// fixed is a token that somebody else got: of the configuration, of VAULT_TOKEN, or of `vault login` (~/.vault-token).
type fixed struct {
	value  secret.Value
	getenv func(string) string
	home   string
}

func (fixed) renews() bool { return false }

func (f fixed) token(_ context.Context, v *conn) (secret.Value, time.Duration, error) {
	token := string(f.value.Reveal())
	if token == "" {
		token = f.getenv("VAULT_TOKEN")
	}
	if token == "" && f.home != "" {
		b, _ := read(filepath.Join(f.home, ".vault-token")) // none: said below
		token = string(b)
	}
	token = strings.TrimSpace(token)
	if token == "" || !header(token) {
		return secret.Value{}, 0, provider.Errorf(fault.Usage, v.name, "there is no token for Vault").
			WithFix("run `vault login`, set VAULT_TOKEN, or let the configuration say how to log in (secrets.providers.%s.auth)", v.name)
	}
	return secret.New([]byte(token)), 0, nil
}

// approle logs in as a machine does: an id and a secret (https://developer.hashicorp.com/vault/docs/auth/approle).
type approle struct {
	mount, role string
	secretID    secret.Value
	file        string // that holds the secret id; without both: VAULT_SECRET_ID, or the role needs none
	getenv      func(string) string
}

func (approle) renews() bool { return true }

func (a approle) token(ctx context.Context, v *conn) (secret.Value, time.Duration, error) {
	id := string(a.secretID.Reveal())
	if id == "" && a.file != "" {
		b, err := read(a.file)
		if err != nil {
			return secret.Value{}, 0, provider.Errorf(fault.Usage, v.name, "the file of secret_id_path cannot be read").WithFix("check secret_id_path and who may read the file")
		}
		id = strings.TrimSpace(string(b))
	}
	if id == "" {
		id = a.getenv("VAULT_SECRET_ID")
	}
	if a.role == "" {
		return secret.Value{}, 0, provider.Errorf(fault.Usage, v.name, "there is no role_id").WithFix("set auth.approle.role_id or VAULT_ROLE_ID")
	}
	return v.login(ctx, a.mount, map[string]string{"role_id": a.role, "secret_id": id})
}

// bearer logs in with a JSON web token that somebody else signed: Kubernetes for a pod, a CI service for a job.
type bearer struct {
	mount, role string
	jwt         secret.Value
	file        string // that holds the token, when jwt is empty
}

func (bearer) renews() bool { return true }

func (b bearer) token(ctx context.Context, v *conn) (secret.Value, time.Duration, error) {
	jwt := string(b.jwt.Reveal())
	if jwt == "" {
		text, err := read(b.file)
		if err != nil {
			return secret.Value{}, 0, provider.Errorf(fault.Usage, v.name, "the file with the token of this machine cannot be read").
				WithFix("set path below auth to the file, and check who may read it")
		}
		jwt = strings.TrimSpace(string(text))
	}
	return v.login(ctx, b.mount, map[string]string{"role": b.role, "jwt": jwt})
}
