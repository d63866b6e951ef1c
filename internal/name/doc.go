// Package name knows what may stand for a secret on a command line or in a file: names, references, patterns, tags and scopes.
// It parses and matches; it looks nothing up.
package name
