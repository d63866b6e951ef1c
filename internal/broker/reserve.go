package broker

import "strings"

// Reserve refuses a request that sets a header or query parameter that belongs to the strategy (I25), in any spelling that a server
// might take for it. Fields of a body are the strategy's to look for: it alone reads the body. The error is of class Denied.
func (c *CanonicalRequest) Reserve(r Reserved) error {
	var mine, theirs [maxFieldName]byte
	for _, reserved := range r.Headers {
		want := fold(mine[:0], reserved)
		for name := range c.header {
			if strings.EqualFold(name, reserved) || sameName(fold(theirs[:0], name), want) {
				return refuse("the header %s would authenticate: the broker does that", name).WithFix("leave it out")
			}
		}
	}
	if c.query == "" || len(r.Queries) == 0 {
		return nil
	}
	for parameter := range strings.SplitSeq(c.query, "&") {
		name := parameterName(parameter)
		for _, reserved := range r.Queries {
			if takenFor(name, reserved) {
				return refuse("the query parameter %s would authenticate: the broker does that", reserved).WithFix("leave it out")
			}
		}
	}
	return nil
}

// takenFor reports whether a server might take the parameter name for the reserved one.
func takenFor(name, reserved string) bool {
	var a, b [64]byte
	want := fold(b[:0], reserved)
	for reading := range readings(name) {
		if strings.EqualFold(reading, reserved) {
			return true
		}
		folded := fold(a[:0], reading)
		if sameName(folded, want) && !sameName(folded, nil) { // two names of punctuation are not the same for that
			return true
		}
	}
	return false
}
