package policy

import (
	"slices"
	"time"

	"tacit/internal/name"
)

// A Request is one question: may this principal do that to this object, here and now?
type Request struct {
	Principal Principal
	Action    Action
	Object    Object
	Context   Context
}

// Context is what a decision may depend on besides who, what and which.
type Context struct {
	Time      time.Time
	Door      string // cli, socket, api, …
	UID       int    // of the caller's process; -1 when the door does not know
	Workspace string // that the caller is in; empty for none
	Group     string
}

// An ObjectKind is what sort of thing an object is; the word is the one of the audit log.
type ObjectKind string

// The kinds. The vault as a whole, its policies and its tokens are objects of Audit and Admin only.
const (
	Secret     ObjectKind = "secret"
	Capability ObjectKind = "capability"
	Vault      ObjectKind = "vault"
	Policies   ObjectKind = "policy"
	Tokens     ObjectKind = "token"
)

func objectKinds() []ObjectKind { return []ObjectKind{Secret, Capability, Vault, Policies, Tokens} }

// An Object is what somebody wants to do something to, as far as policies look at it.
type Object struct {
	Kind ObjectKind
	Name string // canonical name of a secret, never an alias; id of a capability or token; empty for the vault and its policies

	Scope  name.Scope // where a secret lives; of a capability, the scope of the credential that would answer. Empty means global
	Groups []string   // groups of the secret's own workspace that it is attached to
	Tags   []string   // of a secret
	Pin    string     // of a secret: "builtin/openai"; empty for none
	Sealed bool       // the exposure of a secret

	Service, Method, Path string // of the request to a capability; the path in its canonical form

	Owner Principal // of a token: the principal it proves
}

// String returns the name for a person.
func (o Object) String() string {
	switch o.Kind {
	case Vault:
		return "the vault"
	case Policies:
		return "the policies"
	}
	return o.Name
}

// home returns the scope that the object lives in.
func (o Object) home() name.Scope {
	if o.Scope == "" {
		return name.Global
	}
	return o.Scope
}

// in reports whether the object lives in a scope, or is attached to that group.
func (o Object) in(scope name.Scope) bool {
	return scope == o.home() || slices.Contains(o.attached(), scope)
}

// attached returns the scopes of the groups that the object is attached to.
func (o Object) attached() []name.Scope {
	if len(o.Groups) == 0 {
		return nil
	}
	workspace, _ := o.home().Parts()
	if workspace == "" {
		return nil
	}
	list := make([]name.Scope, len(o.Groups))
	for i, g := range o.Groups {
		list[i] = name.Scope("workspace/" + workspace + "/group/" + g)
	}
	return list
}

// named reports whether rules find the object by its name.
func (o Object) named() bool { return o.Kind == Secret || o.Kind == Capability }

func (o Object) hasTags(tags []string) bool {
	for _, t := range tags {
		if !slices.Contains(o.Tags, t) {
			return false
		}
	}
	return true
}
