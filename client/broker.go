package client

import (
	"encoding/json"
	"time"
)

// Service is an upstream API that tacit knows.
type Service struct {
	Service      string   `json:"service"`
	Title        string   `json:"title"`
	Docs         *string  `json:"docs"`
	Origin       string   `json:"origin"` // built-in, own
	Hosts        []string `json:"hosts"`
	Auth         string   `json:"auth"` // header, headers, query, queries, path, basic, body, oauth2, sigv4, hmac, mtls
	Secrets      []string `json:"secrets"`
	Capabilities int      `json:"capabilities"`
	State        string   `json:"state"` // ready, waiting, available
	Missing      []string `json:"missing"`
}

// Services is the answer to `service list`.
type Services struct {
	Services []Service `json:"services"`
	Total    int       `json:"total"`
}

// ServiceDescription is the answer to `service describe`: what `service list` says, and the capabilities.
type ServiceDescription struct {
	Service
	Env          ServiceEnv    `json:"env"`
	BaseURL      *string       `json:"base_url"` // while a proxy of this process or of the agent listens
	Pin          string        `json:"pin"`      // of secrets that are sealed for the service
	Capability   []Capability  `json:"capability_list"`
	Network      NetworkAccess `json:"network"`
	Checked      *string       `json:"checked"` // day on which a built-in one was compared with its documentation
	Placeholders []Placeholder `json:"placeholders"`
}

// ServiceEnv is which variables the service's SDKs read.
type ServiceEnv struct {
	BaseURL  []string `json:"base_url"`
	BasePath string   `json:"base_path"` // what the SDKs expect behind the service's root
	Key      []string `json:"key"`
	KeyForm  string   `json:"key_form"` // what a key begins with, where the SDKs look
}

// NetworkAccess is what a service of the user's own was allowed.
type NetworkAccess struct {
	AllowPrivate bool `json:"allow_private"`
	PlainHTTP    bool `json:"plain_http"`
	CA           bool `json:"ca"` // it brings its own certificates
}

// Placeholder is a secret of a service, and what stands for it in its definition.
type Placeholder struct {
	Placeholder string `json:"placeholder"`
	Name        string `json:"name"`
	Public      bool   `json:"public"`
}

// ServiceAdded is the answer to `service add`.
type ServiceAdded struct {
	Service
	Created  bool     `json:"created"`
	Repinned []string `json:"repinned"` // secrets that were sealed for another definition of it
}

// ServiceRemoved is the answer to `service rm`.
type ServiceRemoved struct {
	Service            string   `json:"service"`
	CredentialsRemoved []string `json:"credentials_removed"`
}

// Capability is an allowed set of methods and paths of a service.
type Capability struct {
	ID         string   `json:"id"`
	Service    string   `json:"service"`
	State      string   `json:"state"` // ready, waiting, available
	Risk       string   `json:"risk"`  // read, write, money, destructive
	Methods    []string `json:"methods"`
	Credential *string  `json:"credential"` // that would answer the caller
	Missing    []string `json:"missing"`    // names of secrets
}

// Capabilities is the answer to `capability list`.
type Capabilities struct {
	Capabilities []Capability `json:"capabilities"`
	Total        int          `json:"total"`
	Ready        int          `json:"ready"`
	Waiting      int          `json:"waiting"`
	Available    int          `json:"available"`
}

// CapabilityDescription is the answer to `capability describe`: enough for a program to call it.
type CapabilityDescription struct {
	ID          string            `json:"id"`
	Service     string            `json:"service"`
	Title       string            `json:"title"`
	Docs        *string           `json:"docs"`
	Methods     []string          `json:"methods"`
	Paths       []string          `json:"paths"`
	Hosts       []string          `json:"hosts"`
	Risk        string            `json:"risk"`
	Ready       bool              `json:"ready"`
	State       string            `json:"state"`
	Missing     []string          `json:"missing"`
	Credentials []string          `json:"credentials"` // ready ones that the caller is in the scope of, the narrowest first
	Returns     []string          `json:"returns"`
	Redact      []string          `json:"redact"`
	Limits      CapabilityLimits  `json:"limits"`
	BaseURL     *string           `json:"base_url"` // of the service, as in ServiceDescription
	Example     CapabilityExample `json:"example"`
}

// CapabilityLimits bound one capability. Null means the default.
type CapabilityLimits struct {
	RatePerMinute    *int   `json:"rate_per_minute"`
	MaxRequestBytes  *int64 `json:"max_request_bytes"`
	MaxResponseBytes *int64 `json:"max_response_bytes"`
	TimeoutMS        *int64 `json:"timeout_ms"`
	Concurrency      *int   `json:"concurrency"`
}

// CapabilityExample is a call that the service's documentation shows.
type CapabilityExample struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`    // JSON, or a string; null for none
	Command string            `json:"command"` // tacit invoke …
}

// Credential is a service and the secrets that authenticate to it, in a scope.
type Credential struct {
	ID         string             `json:"id"`
	Service    string             `json:"service"`
	Scope      string             `json:"scope"`
	Auth       string             `json:"auth"`
	Secrets    []CredentialSecret `json:"secrets"`
	Hosts      []string           `json:"hosts"`
	State      string             `json:"state"` // ready, waiting
	Missing    []string           `json:"missing"`
	Automatic  bool               `json:"automatic"` // read off the names of secrets, not made by `credential create`
	CreatedAt  time.Time          `json:"created_at"`
	LastUsedAt *time.Time         `json:"last_used_at"`
	OAuth      *OAuthState        `json:"oauth"`
}

// CredentialSecret is one secret of a credential.
type CredentialSecret struct {
	Placeholder string `json:"placeholder"`
	Name        string `json:"name"`
	Present     bool   `json:"present"`
}

// OAuthState is how it stands with the access token of a credential.
type OAuthState struct {
	ExpiresAt   *time.Time `json:"expires_at"`
	RefreshedAt *time.Time `json:"refreshed_at"`
	Error       *string    `json:"error"`
}

// Credentials is the answer to `credential list`.
type Credentials struct {
	Credentials []Credential `json:"credentials"`
	Total       int          `json:"total"`
}

// CredentialRemoved is the answer to `credential rm`.
type CredentialRemoved struct {
	ID              string   `json:"id"`
	BindingsRemoved []string `json:"bindings_removed"` // capabilities
}

// Binding says which credential answers for a capability in a scope.
type Binding struct {
	Capability string    `json:"capability"`
	Credential string    `json:"credential"`
	Scope      string    `json:"scope"`
	CreatedAt  time.Time `json:"created_at"`
}

// Bindings is the answer to `capability bindings`.
type Bindings struct {
	Bindings []Binding `json:"bindings"`
	Total    int       `json:"total"`
}

// Invoked is the answer to `invoke --format json`. Exactly one of the bodies is set.
type Invoked struct {
	Capability string              `json:"capability"`
	Credential string              `json:"credential"`
	Status     int                 `json:"status"`
	Headers    map[string][]string `json:"headers"` // lower-case names
	Body       json.RawMessage     `json:"body"`
	BodyText   *string             `json:"body_text"`
	BodyBase64 *string             `json:"body_base64"`
	Redactions int                 `json:"redactions"`
	DurationMS int64               `json:"duration_ms"`
}

// AgentProxy says where the agent's base-URL mode is.
type AgentProxy struct {
	URL string `json:"url"` // "http://127.0.0.1:40123"
}
