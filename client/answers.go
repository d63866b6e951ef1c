package client

// The shapes of this file are answers of the API that no command prints as they are. Those of api.go are the others.

// Read is the answer to get: a value and what it belongs to. Exactly one of Value and ValueBase64 is set.
type Read struct {
	Secret      Secret  `json:"secret"`
	Version     int     `json:"version"`
	Field       *string `json:"field"`
	Value       *string `json:"value"`
	ValueBase64 *string `json:"value_base64"`
}

// ReadMany is the answer to get-many: to the first of the requests, in their order. They are fewer than the requests when all would be more
// than one answer should hold; who wants the others asks again for them.
type ReadMany struct {
	Answers []ReadAnswer `json:"answers"`
}

// ReadAnswer is what came back for one of several secrets. Exactly one of Read and Problem is set.
type ReadAnswer struct {
	Read    *Read        `json:"read"`
	Problem *HTTPProblem `json:"problem"`
}

// Shown is the answer to show.
type Shown struct {
	Secret Secret  `json:"secret"`
	Masked *string `json:"masked"` // eight stars and the last three characters; null when sealed or shorter than 16 bytes
}

// Written is the answer to set. One of Value and ValueBase64 is set if the request said reveal.
type Written struct {
	Changed
	Value       *string `json:"value"`
	ValueBase64 *string `json:"value_base64"`
}

// NameLine is one line of the answer to names.
type NameLine struct {
	Name string `json:"name"`
}

// HTTPProblem is the answer to a request that failed, as application/problem+json (RFC 9457). Type, title and status follow
// from code; programs look at code. A stream that fails after it began ends with one such object as its last line, under
// the member "problem".
type HTTPProblem struct {
	Type   string  `json:"type"`   // "urn:tacit:problem:not_found"
	Title  string  `json:"title"`  // "not found"
	Status int     `json:"status"` // that of the answer
	Detail string  `json:"detail"` // the line a person reads
	Code   string  `json:"code"`
	Exit   int     `json:"exit"`   // of the command line for this code
	Origin string  `json:"origin"` // tacit, provider, broker, upstream
	Fix    *string `json:"fix"`
	Object *string `json:"object"`
}

// StreamProblem is the last line of a stream that failed after it began.
type StreamProblem struct {
	Problem HTTPProblem `json:"problem"`
}
