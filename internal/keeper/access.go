package keeper

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/policy"
	"tacit/internal/vault"
)

// Names of the records that the vault keeps about access.
const (
	policyRecord = "policy" // the owner's own Cedar text
	grantRecord  = "grant/" // and its number: principal, a line break, the rule
	nextRecord   = "next"   // the number of the next grant: they are never used again
	tokenRecord  = "token/" // and the token's hash in hex, which is found without a key and tells nothing
)

// access is what one state of the vault says about access. It never changes; a change in the vault makes another one.
type access struct {
	state  vault.SmallState
	text   string
	grants []policy.Grant
	next   int // number of the next grant

	config   *config         // that defaults are of
	rules    strings.Builder // every record that set is made of
	defaults []policy.Grant
	set      *policy.Set
	broken   error // why there is no set: then nobody but the owner is allowed anything (I15)

	unenforced bool // what set denies is not refused

	tokens map[string]policy.Token
	byHash map[policy.TokenHash]string
}

// access returns what the state of r and the configuration say. It is read again only when one of them changed.
func (k *Keeper) access(r *vault.Reader) (*access, error) {
	state, config := r.SmallState(vault.KindAccess), k.config.Load()
	before := k.accessNow.Load()
	if before != nil && before.state == state && before.config == config {
		return before, nil
	}
	a := &access{state: state, config: config, next: 1, tokens: map[string]policy.Token{}, byHash: map[policy.TokenHash]string{}}
	if err := r.Small(vault.KindAccess, a.read); err != nil {
		return nil, err
	}
	a.compile(before)
	k.accessNow.Store(a)
	return a, nil
}

// compile makes the set, or takes it from the state before when only tokens are different: a use that is counted changes one.
func (a *access) compile(before *access) {
	if before != nil && before.config == a.config && before.rules.String() == a.rules.String() {
		a.defaults, a.set, a.broken, a.unenforced = before.defaults, before.set, before.broken, before.unenforced
		return
	}
	said, err := a.config.read()
	if a.defaults, a.broken, a.unenforced = said.Defaults, err, said.Unenforced; err == nil {
		a.set, a.broken = policy.Compile(a.text, a.all()...)
	}
}

func (a *access) read(name string, plain []byte) error {
	kind, id, _ := strings.Cut(name, "/")
	switch {
	case name == policyRecord:
		a.text = string(plain)
		a.addRule(name, plain)
	case name == nextRecord:
		n, err := strconv.Atoi(string(plain))
		if err != nil {
			return unreadable(name)
		}
		a.next = n
	case kind+"/" == grantRecord:
		g, err := decodeGrant(id, string(plain))
		if err != nil {
			return err
		}
		a.grants = append(a.grants, g)
		a.addRule(name, plain)
	case kind+"/" == tokenRecord:
		t, err := policy.DecodeToken(plain)
		if err != nil || hex.EncodeToString(t.Hash[:]) != id {
			return unreadable(kind)
		}
		a.tokens[t.ID], a.byHash[t.Hash] = t, t.ID
	default:
		return fault.New(fault.NewerFormat, "the vault has records about access that this version does not know").WithFix("install a newer tacit")
	}
	return nil
}

func (a *access) addRule(name string, plain []byte) {
	a.rules.WriteString(name + "\x00" + strconv.Itoa(len(plain)) + "\x00")
	a.rules.Write(plain)
}

func unreadable(what string) error {
	return fault.New(fault.Corrupted, "read vault: the record of a %s is no such record", what)
}

func decodeGrant(number, plain string) (policy.Grant, error) {
	who, text, ok := strings.Cut(plain, "\n")
	p, err1 := policy.ParsePrincipal(who)
	rule, err2 := policy.ParseRule(text)
	if !ok || errors.Join(err1, err2) != nil {
		return policy.Grant{}, unreadable("grant")
	}
	return policy.Grant{ID: "grant-" + number, Principal: p, Rule: rule}, nil
}

// grantAsRecord is what decodeGrant reads.
func grantAsRecord(g policy.Grant) (name string, plain []byte) {
	return grantRecord + strings.TrimPrefix(g.ID, "grant-"), []byte(string(g.Principal) + "\n" + g.Rule.String())
}

func putToken(tx *vault.Tx, t policy.Token) error {
	b, err := t.Encode()
	if err != nil {
		return err
	}
	return tx.PutSmall(vault.KindAccess, tokenRecord+hex.EncodeToString(t.Hash[:]), b)
}

// policies is everything that says who may do what, but the tokens.
func (a *access) policies() string { return policy.Text(a.text, a.all()...) }

// all are the grants of the vault by their numbers, then those of the configuration.
func (a *access) all() []policy.Grant { return append(a.sorted(), a.defaults...) }

// chain returns a token with those that it was made by.
func (a *access) chain(id string) policy.Chain {
	var c policy.Chain
	for id != "" && len(c) < policy.MaxChain {
		t, ok := a.tokens[id]
		if !ok {
			return nil
		}
		c, id = append(c, t), t.Parent
	}
	if id != "" {
		return nil
	}
	return c
}

// nextGrant returns the id of a new grant.
func (a *access) nextGrant() string { return fmt.Sprintf("grant-%d", a.next) }
