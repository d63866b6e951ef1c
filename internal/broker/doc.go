// Package broker uses a secret for somebody who never holds it: it sends one request to a service, authenticated, and cleans the
// answer.
//
// There is one pipeline, and its types keep the order. Only a [CanonicalRequest] can be matched against capabilities, and only that
// same value is sent: what was judged is what is sent (I24). A [Strategy] adds what authenticates to an [Outgoing], last. The address
// that is dialled is the one that was checked (I26). The answer is a [Response], whose header and body have passed the cleaner (I28).
//
// The package decides nothing about who may do what, and writes no log: package keeper does, around it. It finds no secret either:
// keeper hands it the values of one credential, as [Values].
package broker
