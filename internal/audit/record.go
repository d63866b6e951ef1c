package audit

import "time"

// Result of a decision.
type Result string

const (
	Allowed Result = "allowed"
	Denied  Result = "denied"
	Failed  Result = "failed"
)

// Stage tells the two records of a change apart from a record that stands alone.
type Stage string

const (
	Alone   Stage = ""        // a read or a refusal: one record
	Intent  Stage = "intent"  // a change is about to be committed as Revision
	Outcome Stage = "outcome" // the intent Of was committed (Allowed) or was not (Failed)
	Use     Stage = "use"     // a request to a service is about to be sent
	Ended   Stage = "ended"   // the use Of is over, and this is what became of it
)

// Object is what a record is about.
type Object struct {
	Kind    string `json:"kind"` // secret, capability, token, policy, slot, vault, provider
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	Version int    `json:"version,omitempty"`
	Scope   string `json:"scope,omitempty"`
}

// Record is one decision, as it is sealed into the log.
type Record struct {
	Seq        uint64    `json:"-"` // given by the log
	Time       time.Time `json:"time"`
	Stage      Stage     `json:"stage,omitempty"`
	Of         uint64    `json:"of,omitempty"`       // outcome: the seq of its intent
	Revision   uint64    `json:"revision,omitempty"` // intent: the revision it will create; else the vault's revision when it was written
	Principal  string    `json:"principal"`
	Door       string    `json:"door,omitempty"`
	UID        int       `json:"uid"`
	PID        int       `json:"pid,omitempty"`
	Executable string    `json:"executable,omitempty"`
	Action     string    `json:"action"`
	Object     Object    `json:"object"`
	Provider   string    `json:"provider,omitempty"`
	Result     Result    `json:"result"`
	Reason     string    `json:"reason,omitempty"`
	Policy     string    `json:"policy,omitempty"`
	Request    *Request  `json:"request,omitempty"`
}

// Request is what the broker adds about one upstream call.
type Request struct {
	Method     string `json:"method"`
	Path       string `json:"path"`
	Status     int    `json:"status"`
	BytesUp    int64  `json:"bytes_up"`
	BytesDown  int64  `json:"bytes_down"`
	Redactions int    `json:"redactions"`
	DurationMS int64  `json:"duration_ms"`
	Credential string `json:"credential"`
}
