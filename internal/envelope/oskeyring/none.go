//go:build !linux && !darwin && !windows

package oskeyring

import (
	"context"

	"tacit/internal/fault"
)

// Keyring is the one that this system does not have.
type Keyring struct{}

// New returns a keyring that answers nothing but that.
func New(func(string) string) *Keyring { return &Keyring{} }

func (*Keyring) Probe(context.Context) error                          { return absent() }
func (*Keyring) Store(context.Context, string, string, []byte) error  { return absent() }
func (*Keyring) Delete(context.Context, string, string) error         { return absent() }
func (*Keyring) Load(context.Context, string, string) ([]byte, error) { return nil, absent() }

func absent() error { return fault.New(fault.Unavailable, "tacit knows no keyring on this system") }

func (*Items) Check(context.Context) error                 { return absent() }
func (*Items) Get(context.Context, string) ([]byte, error) { return nil, absent() }
func (*Items) Put(context.Context, string, []byte) error   { return absent() }
func (*Items) Remove(context.Context, string) error        { return absent() }
func (*Items) Names(context.Context) ([]string, error)     { return nil, absent() }
