package client

// DecideRequest asks which secrets of a provider besides the vault the caller may ask it for; the provider is asked by the caller.
type DecideRequest struct {
	Action   string   `json:"action"` // read, write, rotate, delete, list
	Provider string   `json:"provider"`
	Names    []string `json:"names,omitempty"` // at most 1000; none only for list: whatever the provider has
	Cache    bool     `json:"cache,omitzero"`  // answer with the key of the cache too, to who is not subject to policy
}

// Decided is the answer to decide. It is in the log already.
type Decided struct {
	ID         string   `json:"id"`         // for what became of it; empty when nothing is expected
	Denied     []string `json:"denied"`     // of the names; the others are allowed
	Everything bool     `json:"everything"` // the caller is not subject to policy
	CacheKey   []byte   `json:"cache_key"`  // in base64; empty unless it was asked for
}

// RecordRequest says what became of what was decided.
type RecordRequest struct {
	ID       string    `json:"id"`
	Outcomes []Outcome `json:"outcomes,omitempty"`
}

// Outcome is what a provider answered about one secret.
type Outcome struct {
	Name    string `json:"name"`
	Version int    `json:"version,omitzero"` // when it is a number
	Code    string `json:"code,omitempty"`   // a code of problem details: why it failed; empty: it was done
}

// Recorded is the answer to record.
type Recorded struct {
	Recorded int `json:"recorded"`
}
