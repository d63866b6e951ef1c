package keeper

import (
	"fmt"
	"strconv"
	"strings"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/policy"
	"tacit/internal/transfer/backup"
	"tacit/internal/vault"
)

// backupPolicies returns what a backup holds about access: the owner's policies and the grants, but no tokens.
func (k *Keeper) backupPolicies(v *vault.Reader) (out backup.Policies, err error) {
	all, err := k.access(v)
	if err != nil {
		return out, err
	}
	out.Own = all.text
	for _, g := range all.sorted() {
		out.Grants = append(out.Grants, backup.Grant{ID: g.ID, Principal: string(g.Principal), Rule: g.Rule.String()})
	}
	return out, nil
}

// restoredPolicies returns the grants of a backup, and the number of the next one, after checking that its policies compile.
func restoredPolicies(p backup.Policies) (grants []policy.Grant, next int, err error) {
	next = 1
	for _, b := range p.Grants {
		number, ok := strings.CutPrefix(b.ID, "grant-")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 || strconv.Itoa(n) != number {
			return nil, 0, fault.New(fault.Corrupted, "read the backup: %.40q is not the ID of a grant", b.ID)
		}
		g, err := decodeGrant(number, b.Principal+"\n"+b.Rule)
		if err != nil {
			return nil, 0, fault.New(fault.Corrupted, "read the backup: %s is no grant that this version knows", b.ID)
		}
		grants, next = append(grants, g), max(next, n+1)
	}
	if _, err := policy.Compile(p.Own, grants...); err != nil {
		return nil, 0, fault.Wrap(fault.Invalid, err, "restore the policies")
	}
	return grants, next, nil
}

// restorePolicies puts what a backup holds about access in the place of what there is. The numbers of grants go on.
func (k *Keeper) restorePolicies(before *vault.Reader, p backup.Policies, out *client.Imported, putAny vault.Put) error {
	put := func(name string, plain []byte) error { return putAny(vault.KindAccess, name, plain) }
	grants, next, err := restoredPolicies(p)
	if err != nil {
		return err
	}
	if old, err := k.access(before); err == nil { // else it is damaged, and this mends it
		next = max(next, old.next)
		if n := len(old.tokens); n > 0 {
			out.Warnings = append(out.Warnings, client.ImportWarning{Code: "tokens_ended", Text: fmt.Sprintf("%d tokens are in no backup and ended", n)})
		}
	}
	if p.Own != "" {
		if err := put(policyRecord, []byte(p.Own)); err != nil {
			return err
		}
	}
	for _, g := range grants {
		name, plain := grantAsRecord(g)
		if err := put(name, plain); err != nil {
			return err
		}
	}
	return put(nextRecord, []byte(strconv.Itoa(next)))
}
