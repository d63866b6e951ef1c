// Package vault is the secrets database: names, versions and metadata over an engine, every record sealed by package envelope.
//
// It promises that what it returns is what was written, where it was written, and that nothing is hidden: a record that was
// moved, edited or swapped does not open (I02); a record that was removed, added or put back does not fit the accumulator in
// the anchor; and a name is only reported missing after the accumulator has proved that it is.
//
// It decides nothing and records nothing: package keeper asks policy, writes the audit log and calls it. It knows no files.
//
// Engine keys, by their first byte ([Kind]); docs/format.md describes the records:
//
//	h                          header, plain JSON: format, vault id
//	a                          anchor: revision, audit head, accumulators; rewritten by every change
//	s ‖ slot id                slot, plain JSON, authenticated
//	k ‖ epoch                  keys of epochs before: the audit key, and the root key while records still need it
//	i ‖ epoch ‖ HMAC           index: scope and name → secret id
//	m ‖ secret id              metadata of a secret and the wrapped data key of its current version
//	w ‖ secret id ‖ version    the same of an older version
//	v ‖ secret id ‖ version    value of a version, under its own data key
package vault
