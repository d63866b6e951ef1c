package vault_test

import "tacit/internal/secret"

func value(s string) secret.Value { return secret.New([]byte(s)) }
