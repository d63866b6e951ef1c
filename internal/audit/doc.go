// Package audit is the append-only, hash-chained record of every decision (I16, I17).
//
// # On disk
//
// A log is a directory with the segments 000001.log, 000002.log, … and audit.lock. A segment is lines of JSON, each ended by
// one newline, without spaces, with exactly these fields in this order: first the header, then at least one record.
//
//	{"tacit":"audit","format":1,"vault":"<id>","epoch":1,"first":90,"prev":"<hex>"}
//	{"seq":90,"prev":"<hex>","ciphertext":"<base64>","hash":"<hex>"}
//	{"seq":91,"prev":"<hex>","ciphertext":"<base64>","hash":"<hex>"}
//
// seq counts from 1 through all segments. Hex is lower case, 64 digits; base64 is RFC 4648 section 4 with padding; a line has at
// most 64 KiB with its newline.
//
//	hash   = SHA-256(seq as 8 bytes big endian ‖ prev ‖ ciphertext)
//	prev   = the hash of the record before it; of the first record of a segment: SHA-256 of the header's line without its newline
//	header = first is the seq of the segment's first record, prev the hash of the last record of the segment before
//	         (64 zeros in the first segment)
//
// So one chain runs through records and headers, and anyone can check it without a key. A segment belongs to one key epoch,
// named in its header; a root rotation begins the next, and so does a segment that has grown to 64 MiB, and the first record of
// the next span of 30 days.
//
// ciphertext = nonce (24 bytes) ‖ XChaCha20-Poly1305 of the record's JSON ([Record]) with spaces behind it to a multiple of 64
// bytes, under the epoch's audit key. The associated data are these fields, each with its length in front (4 bytes, big endian):
// "tacit/1", the vault's id, "audit", seq (8 bytes, big endian), prev (32 bytes). So only the vault can make or read a record,
// and only in its place.
//
// A process that dies while it appends leaves a torn last line: one without its newline that is the beginning of a line, or that
// has NUL bytes where the disk lost some. Nobody was told that it is there; the next append cuts it off. The same goes for a
// last segment that has no whole record yet. Everything else that is not as above is damage, which is reported and never mended.
//
// # Changes
//
// A change to the vault is two records, shown as one line: the intent, which names the revision it will create and is on disk
// before the vault's commit, and the outcome after it. The vault's anchor remembers the intent's seq and hash. So of an intent
// without an outcome the vault itself tells whether it happened, and an older vault beside a newer log is noticed: see
// [Reconcile]. A change to several objects may have several intents, appended together, each with the same revision; one
// outcome, of the last of them, closes them all.
//
// For this to hold, everything is appended while the vault's lock is held: shared for a read, exclusive from the intent to the
// outcome. Lock order: vault, then audit.
//
// The package knows no secrets and asks no policy; keeper decides what is recorded.
package audit
