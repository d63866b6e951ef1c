package keeper

import (
	"fmt"

	"tacit/internal/policy"
	"tacit/internal/vault"
)

// access checks that policies, grants, tokens and the configuration's defaults can be read. Where they cannot, everybody but the owner is
// denied everything, and only the log says why.
func (d *doctor) access(v *vault.Reader) {
	a, err := d.k.access(v)
	if err == nil {
		err = a.broken
	}
	if err != nil {
		d.fail("access", "", fmt.Errorf("only the owner may do anything: %w", err))
		return
	}
	if a.unenforced {
		d.add("access.enforce", "warn", "", "what policy denies is recorded and done all the same", "remove access_control.enforce from config.yaml, then tacit agent reload")
	}
	good, endless := 0, 0
	for id, t := range a.tokens {
		if a.chain(id).State(d.k.opts.Now()) != policy.Active {
			continue
		}
		if good++; t.ExpiresAt.IsZero() && !t.Limited {
			endless++
		}
	}
	d.add("access", "ok", "", fmt.Sprintf("policies can be read (grants and defaults: %d, good tokens: %d)", len(a.grants)+len(a.defaults), good), "")
	if endless > 0 {
		d.add("access.tokens", "note", "", fmt.Sprintf("tokens that are good until they are revoked: %d", endless), "tacit token list")
	}
}
