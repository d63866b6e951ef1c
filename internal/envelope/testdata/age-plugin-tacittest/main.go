// Command age-plugin-tacittest is an age plugin for tests, made with age's own framework: X25519 keys in a plugin's clothes.
//
// Recipient "age1tacittest1…" holds an X25519 public key, identity "AGE-PLUGIN-TACITTEST-1…" the private one. The default
// identity, without data, is the one in the file that TACITTEST_KEY names. It appends its environment to the file that
// TACITTEST_LOG names, and asks for a PIN, "1234", when TACITTEST_PIN is set.
package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

func main() {
	p, err := plugin.New("tacittest")
	if err != nil {
		panic(err)
	}
	p.HandleRecipient(func(data []byte) (age.Recipient, error) { return age.ParseX25519Recipient(string(data)) })
	p.HandleIdentityAsRecipient(func(data []byte) (age.Recipient, error) {
		i, err := identity(data)
		if err != nil {
			return nil, err
		}
		return i.Recipient(), nil
	})
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		i, err := identity(data)
		return asking{i, p}, err
	})
	p.RegisterFlags(nil)
	flag.Parse()
	if log := os.Getenv("TACITTEST_LOG"); log != "" {
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		_, _ = f.WriteString(os.Args[0] + "\n" + strings.Join(os.Environ(), "\n") + "\n")
		_ = f.Close()
	}
	os.Exit(p.Main())
}

func identity(data []byte) (*age.X25519Identity, error) {
	if len(data) == 0 {
		var err error
		if data, err = os.ReadFile(os.Getenv("TACITTEST_KEY")); err != nil {
			return nil, err
		}
	}
	return age.ParseX25519Identity(string(bytes.TrimSpace(data)))
}

type asking struct {
	age.Identity
	p *plugin.Plugin
}

func (a asking) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if os.Getenv("TACITTEST_PIN") != "" {
		pin, err := a.p.RequestValue("PIN", true)
		if err != nil || pin != "1234" {
			return nil, errors.New("wrong PIN")
		}
	}
	return a.Identity.Unwrap(stanzas)
}
