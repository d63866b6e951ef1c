package client

import "time"

// TokenCreated is a new token. Token is shown this once: only its hash is kept.
type TokenCreated struct {
	Token     string     `json:"token"`
	ID        string     `json:"id"`
	Principal string     `json:"principal"`
	Rules     []string   `json:"rules"`
	ExpiresAt *time.Time `json:"expires_at"`
	UsesLeft  *int       `json:"uses_left"` // null: not limited
	Workspace *string    `json:"workspace"`
	Group     *string    `json:"group"`
	Parent    *string    `json:"parent"` // the token that made it; null: the owner
	CreatedAt time.Time  `json:"created_at"`
}

// Token is what is kept of one.
type Token struct {
	ID         string     `json:"id"`
	Principal  string     `json:"principal"`
	Rules      []string   `json:"rules"`
	State      string     `json:"state"` // active, expired, used_up, revoked
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	ExpiresAt  *time.Time `json:"expires_at"`
	UsesLeft   *int       `json:"uses_left"`
	LastUsedAt *time.Time `json:"last_used_at"`
	Workspace  *string    `json:"workspace"`
	Group      *string    `json:"group"`
	Parent     *string    `json:"parent"`
}

// Tokens is the answer to `token list`.
type Tokens struct {
	Tokens []Token `json:"tokens"`
	Total  int     `json:"total"`
}

// TokensRevoked is the answer to `token revoke`: the tokens that were still good, without those that died with their maker.
type TokensRevoked struct {
	Revoked []string `json:"revoked"`
	Total   int      `json:"total"`
}

// Grant is one rule that a principal was given.
type Grant struct {
	ID        string `json:"id"` // "grant-4"
	Principal string `json:"principal"`
	Rule      string `json:"rule"`
	Policy    string `json:"policy"` // the rule as Cedar
}

// Grants is the answer to `grant list`.
type Grants struct {
	Grants []Grant `json:"grants"`
	Total  int     `json:"total"`
}

// Policies is the answer to `policy show` and `policy set`.
type Policies struct {
	Text   string `json:"text"`   // Cedar: the owner's own policies, then one for each grant and default
	Own    string `json:"own"`    // the owner's own alone: what `policy set` replaces
	Grants int    `json:"grants"` // how many grants and defaults follow it
}

// PolicyExplained is the answer to `policy explain`.
type PolicyExplained struct {
	Decision  string   `json:"decision"` // allow, deny
	Principal string   `json:"principal"`
	Action    string   `json:"action"`
	Object    string   `json:"object"`
	Rules     []string `json:"rules"` // ids of what decided
	Reason    string   `json:"reason"`
	Grant     *string  `json:"grant"` // the command that would allow exactly this
}

// PolicyCase is one case of `policy test`.
type PolicyCase struct {
	Line      int      `json:"line"`
	Principal string   `json:"principal"`
	Action    string   `json:"action"`
	Object    string   `json:"object"`
	Expect    string   `json:"expect"` // allow, deny
	Decision  string   `json:"decision"`
	OK        bool     `json:"ok"`
	Rules     []string `json:"rules"`
	Reason    string   `json:"reason"`
}

// PolicyTested is the answer to `policy test`.
type PolicyTested struct {
	OK     bool         `json:"ok"`
	Cases  []PolicyCase `json:"cases"`
	Failed int          `json:"failed"`
	Total  int          `json:"total"`
}
