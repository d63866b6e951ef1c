package registry

// An Origin says who wrote a service down.
type Origin string

// The origins. They are also the first part of a pin: builtin/openai, own/acme.
const (
	Builtin Origin = "builtin"
	Own     Origin = "own"
)

// A Service is an upstream API. It never changes once it is made, so it may be shared.
type Service struct {
	ID      string // "openai"
	Origin  Origin
	Title   string
	Docs    string // address of the public documentation
	Checked string // day on which hosts and paths were compared with it, 2026-11-22; empty for one of the user's own

	// Hosts are exact, lower-case, with a port unless it is that of the scheme; or "*.acme.example", of which a credential names the
	// exact host that it is for.
	Hosts []string

	Secrets []Secret // sorted by name
	Aliases []Alias  // sorted by name: other names that a secret may have in the vault and still be known
	Public  []string // placeholders that identify but do not authenticate: readable, and not looked for in answers

	Auth         Auth
	Env          Env
	Capabilities []Capability // sorted by id
	Network      Network

	index node   // of the patterns of Capabilities
	pin   string // of a parsed service of the user's own; see [Service.Pin]
}

// A Secret is the name that a secret of the service has in the vault, and the placeholder that stands for it in templates.
type Secret struct {
	Name        string // "OPENAI_API_KEY"
	Placeholder string // "secret"
}

// An Alias is another name for one of the service's secrets.
type Alias struct {
	Name   string // "ai.openai.api_key"
	Secret string // "OPENAI_API_KEY"
}

// Env is what the service's SDKs read from the environment.
type Env struct {
	BaseURL  []string // variables that take the base URL
	BasePath string   // what the SDK expects after the service's root: "/v1"; empty for nothing
	Key      []string // variables that take the key
	KeyForm  string   // the look of a key where SDKs check it: a prefix, "sk-"; empty for any

	// KeyBearer says that SDKs may send the key as "Authorization: Bearer KEY" too, wherever Auth has it.
	KeyBearer bool
}

// Network is what only a service of the user's own may ask for.
type Network struct {
	AllowPrivate bool   // addresses that the guard refuses otherwise
	PlainHTTP    bool   // http instead of https
	CAPEM        string // certificates that the upstream is verified with, instead of the system's
}

// A Risk says what a capability can do.
type Risk string

// The risks.
const (
	Read        Risk = "read"
	Write       Risk = "write"
	Money       Risk = "money"
	Destructive Risk = "destructive"
)

// A Capability is an allowed set of methods and paths of a service.
type Capability struct {
	ID      string // "openai/chat-completions"
	Title   string
	Hosts   []string // of the service's; the first is the one unless a credential names another. Empty: the service's
	Methods []string // upper case, sorted
	Paths   []Path
	Risk    Risk
	Returns []string // fields of JSON answers that hold new secrets: replaced by ***
	Needs   []string // names of the secrets it needs, when they are fewer than the service's

	EncodedSlash bool // %2F is allowed in a segment that the pattern has as {x}
	OpaquePath   bool // what follows the pattern is a key of objects, byte for byte (S3)

	Example Example
}

// An Example is a call that the documentation of the service shows.
type Example struct {
	Method  string
	Path    string
	Query   string // without "?"
	Headers []Header
	Body    string // JSON, or as the content type says; empty for none
}

// A Header is a name, lower case, and a value.
type Header struct {
	Name  string
	Value string
}
