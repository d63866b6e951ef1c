package provider

import (
	"context"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/secret"
)

// MaxValue is the longest value in bytes that tacit takes to a store or from it.
const MaxValue = 64 << 10

// CheckName returns the error of the provider of that name for what is no name of a secret, else nil. What comes out of it can be a
// path segment or a part of a URL only where the letters of package name can.
func CheckName(provider, secret string) error {
	why := name.Problem(secret)
	if why == "" {
		return nil
	}
	return Errorf(fault.Invalid, provider, "%q is no name of a secret: %s", secret[:min(len(secret), 64)], why).
		WithFix("a name is a letter, then letters, digits, '-', '_', '.', '/'; at most %d characters", name.MaxLen)
}

// CheckWrite is [CheckName], and returns the error for a value that is empty or too long.
func CheckWrite(provider, name string, value secret.Value) error {
	if err := CheckName(provider, name); err != nil {
		return err
	}
	if n := value.Len(); n < 1 || n > MaxValue {
		return Errorf(fault.Invalid, provider, "the value of %s has %d bytes", name, n).About(name).WithFix("a value has 1 byte to 64 KiB")
	}
	return nil
}

// CheckRead returns the error for a value that a store has and tacit does not take, else nil.
func CheckRead(provider, name string, value []byte) error {
	if n := len(value); n < 1 || n > MaxValue {
		return Errorf(fault.Invalid, provider, "what the store has for %s is empty or longer than 64 KiB", name).About(name).
			WithFix("a value has 1 byte to 64 KiB")
	}
	return nil
}

// NoVersion returns the error for a version of a secret in a store that keeps the current one only. The store does not have it, so
// another one may be asked.
func NoVersion(provider, name, version string) error {
	return Errorf(fault.NotFound, provider, "no version %.40q of %s: it keeps the current one only", version, name).About(name)
}

// ReadOnly returns the error for a change that a provider does not make. The way out says what would.
func ReadOnly(provider, fix string) error {
	return Errorf(fault.Usage, provider, "it is read-only").WithFix("%s", fix)
}

// Ended returns the error of the provider when ctx is over, else nil.
func Ended(ctx context.Context, provider string) error {
	switch ctx.Err() {
	case nil:
		return nil
	case context.DeadlineExceeded:
		return Errorf(fault.Unavailable, provider, "no answer in time").WithFix("give it longer: secrets.providers.%s.timeout", provider)
	}
	return Errorf(fault.Unavailable, provider, "interrupted").WithFix("try again")
}
