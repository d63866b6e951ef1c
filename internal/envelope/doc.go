// Package envelope owns the keys: the root key, the slots that lock it, the subkeys derived from it, and the sealing and
// opening of records under them. It knows no names, no storage and no policy.
//
// The chain, outermost first:
//
//	slot      an age file (passphrase, key file, keyring, environment, recipient, recovery phrase) whose plaintext is the root key
//	root key  32 random bytes, one per epoch; never leaves [Root]'s locked memory except into a slot
//	subkeys   HKDF-SHA256 of the root key with a label each: wrap, index, mark, audit
//	box       XChaCha20-Poly1305 under wrap or under a version's own data key, with everything that gives the box its meaning as
//	          associated data ([Binding]): a box that was moved, renamed or edited does not open
//
// Use [Keyring] for everything that reads records: it holds the subkeys of the current epoch and, while a root rotation is
// under way, those of the one before.
package envelope
