// Package demo is an upstream to try tacit with, and to test it against: a TLS server on this machine, with an authority of its own,
// that speaks enough of the APIs of OpenAI and Anthropic for their SDKs, streams, takes uploads, redirects, and gives away on purpose
// what it was sent.
//
// It is no part of how tacit reaches a service. It comes with a service file that its user adds like any other of his own, and which
// says everything that makes it reachable: the address, the authority, and that an address of this machine is allowed. Nothing in the
// program knows its certificate or moves a built-in service to it (I22).
//
// Package demo/golden says what the documentation of the built-in services wants a request to look like.
package demo
