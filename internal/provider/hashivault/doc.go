// Package hashivault is the provider of HashiCorp Vault and OpenBao: secrets in a key-value engine, version 1 or 2, over its HTTP API
// (https://developer.hashicorp.com/vault/api-docs/secret/kv).
//
// A secret is an entry with one field: `value` holds the text, or `value_base64` the bytes where they are not UTF-8. An entry of
// others, with other fields, reads as its JSON object, so that NAME#FIELD finds a field; writing over one is refused, since the
// fields that tacit does not know would be lost.
//
// What is not there is told from what cannot be seen with care (I19). Vault answers 404 for a missing entry, for a mount that does
// not exist, and for a path of the other version of the engine; so a missing entry counts only once the mount was seen to exist and to
// be of the version that the configuration names.
package hashivault
