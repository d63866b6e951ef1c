// Package audit is the append-only, hash-chained record of every decision (I16, I17).
//
// On disk a log is a directory of segments, 000001.log, 000002.log, …, each a header line and then one JSON object a line:
//
//	{"seq":91,"prev":"<hex>","ciphertext":"<base64>","hash":"<hex>"}
//
// hash = SHA-256(seq as 8 bytes big endian ‖ prev ‖ ciphertext), so anyone can check the chain without a key. The ciphertext is
// XChaCha20-Poly1305 under the epoch's audit key, with vault id, seq and prev as associated data, so only the vault can make or
// read a record. A segment belongs to one epoch, named in its header; a root rotation begins the next.
//
// A change to the vault is two records, shown as one line: the intent, which names the revision it will create and is on disk
// before the vault's commit, and the outcome after it. The vault's anchor remembers the intent's seq and hash. So of an intent
// without an outcome the vault itself tells whether it happened, and an older vault beside a newer log is noticed.
//
// The package knows no secrets and asks no policy; keeper decides what is recorded.
package audit
