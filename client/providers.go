package client

import "time"

// Providers is the answer to provider list.
type Providers struct {
	Providers []Provider `json:"providers"`
	Default   string     `json:"default"` // where secrets are written when nothing else is said
	Chain     []string   `json:"chain"`   // in the order in which they are asked
	Total     int        `json:"total"`
}

// Provider is one place that secrets come from.
type Provider struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Priority int    `json:"priority"`
	Required bool   `json:"required"`
	Writable bool   `json:"writable"`
	Versions bool   `json:"versions"`
	Origin   string `json:"origin"` // built-in, user, project
}

// Health is the answer to provider health.
type Health struct {
	OK        bool             `json:"ok"` // every one that is required would answer
	Providers []ProviderHealth `json:"providers"`
	Chain     []string         `json:"chain"`
}

// ProviderHealth is how one provider is.
type ProviderHealth struct {
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Status    string    `json:"status"` // ok, slow, denied, unavailable, misconfigured, locked
	Priority  int       `json:"priority"`
	Required  bool      `json:"required"`
	LatencyMS float64   `json:"latency_ms"`
	CheckedAt time.Time `json:"checked_at"`
	Detail    *string   `json:"detail"`
	Fix       *string   `json:"fix"`
}

// Down reports whether it is required and would not answer. A vault that is locked is not down: it asks for its passphrase.
func (p *ProviderHealth) Down() bool {
	return p.Required && p.Status != "ok" && p.Status != "slow" && p.Status != "locked"
}

// Explained is the answer to explain.
type Explained struct {
	Name     string  `json:"name"`
	Result   string  `json:"result"`   // found, not_found, denied, unavailable, expired
	Provider *string `json:"provider"` // that has it
	Version  *int    `json:"version"`
	Asked    []Asked `json:"asked"`
}

// Asked is what one provider answered.
type Asked struct {
	Provider   string  `json:"provider"`
	Scope      *string `json:"scope"` // where it was looked for or found; other stores than the vault have none
	Priority   int     `json:"priority"`
	Answer     string  `json:"answer"` // found, not_found, denied, unavailable, expired, skipped
	Version    *int    `json:"version"`
	LatencyMS  float64 `json:"latency_ms"`
	CachedAgeS *int    `json:"cached_age_s"`
	Detail     *string `json:"detail"`
}

// ProviderTested is the answer to provider test.
type ProviderTested struct {
	Provider string               `json:"provider"`
	OK       bool                 `json:"ok"`
	Steps    []ProviderTestedStep `json:"steps"`
	Total    int                  `json:"total"`
}

// ProviderTestedStep is one thing that was tried.
type ProviderTestedStep struct {
	Step      string  `json:"step"` // write, read, list, delete, gone
	OK        bool    `json:"ok"`
	LatencyMS float64 `json:"latency_ms"`
	Detail    *string `json:"detail"`
}

// Copied is the answer to provider copy.
type Copied struct {
	From    string        `json:"from"`
	To      string        `json:"to"`
	DryRun  bool          `json:"dry_run"`
	Secrets []CopiedOne   `json:"secrets"`
	Counts  CopiedCounter `json:"counts"`
	Total   int           `json:"total"`
}

// CopiedOne is what was done with one secret.
type CopiedOne struct {
	Name   string   `json:"name"`
	Action string   `json:"action"` // create, version, same, skip, conflict, failed
	Lost   []string `json:"lost"`   // metadata that the other provider cannot hold
	Reason *string  `json:"reason"`
}

// CopiedCounter counts actions.
type CopiedCounter struct {
	Create   int `json:"create"`
	Version  int `json:"version"`
	Same     int `json:"same"`
	Skip     int `json:"skip"`
	Conflict int `json:"conflict"`
	Failed   int `json:"failed"`
}

// Count counts an action.
func (c *CopiedCounter) Count(action string) {
	for _, x := range []struct {
		action string
		n      *int
	}{
		{"create", &c.Create},
		{"version", &c.Version},
		{"same", &c.Same},
		{"skip", &c.Skip},
		{"conflict", &c.Conflict},
		{"failed", &c.Failed},
	} {
		if x.action == action {
			*x.n++
		}
	}
}

// Listed is what the command list prints: the list, and whose secrets it lacks.
type Listed struct {
	List
	Unavailable []ProviderDown `json:"unavailable"`
}

// ProviderDown is a provider that could not say what it has, and why.
type ProviderDown struct {
	Provider string  `json:"provider"`
	Code     string  `json:"code"` // unavailable, denied, usage, …
	Message  string  `json:"message"`
	Fix      *string `json:"fix"`
}
