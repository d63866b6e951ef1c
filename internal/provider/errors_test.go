package provider_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

func TestErrorsNameTheProvider(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  *fault.Error
		want string
	}{
		{provider.Errorf(fault.Denied, "azure-keyvault", "the store answered %d", 403), "azure-keyvault: denied: the store answered 403"},
		{provider.Errorf(fault.Usage, "kv", "no address"), "kv: misconfigured: no address"},
		{provider.Errorf(fault.Limited, "kv", "come back later"), "kv: too many requests: come back later"},
		{provider.NotFound("kv", "db"), "kv: not found: no such secret: db"},
	} {
		if test.err.Error() != test.want || test.err.Origin != provider.Origin {
			t.Errorf("%q of origin %q, want %q", test.err, test.err.Origin, test.want)
		}
	}
}

func TestRetryAfterKeepsTheClass(t *testing.T) {
	t.Parallel()
	plain := provider.Errorf(fault.Limited, "kv", "slow down")
	if _, ok := provider.RetryAfter(plain); ok {
		t.Error("a time where the store said none")
	}
	err := fmt.Errorf("read db: %w", provider.WithRetryAfter(plain, 2*time.Second))
	if d, ok := provider.RetryAfter(err); !ok || d != 2*time.Second {
		t.Errorf("RetryAfter = %v, %v", d, ok)
	}
	if !errors.Is(err, fault.Limited) || fault.CodeOf(err) != fault.Limited {
		t.Errorf("class of %v is lost", err)
	}
	if provider.WithRetryAfter(nil, time.Second) != nil {
		t.Error("no error became one")
	}
}
