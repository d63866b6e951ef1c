// Package agefile is the provider of kind age-file: secrets in one file that age (https://age-encryption.org/v1) has encrypted, such as
// one that a team keeps beside its code.
//
//	age-file: {path: secrets.yaml.age, identity: ~/.config/age/key.txt}
//
// What is encrypted is a JSON or YAML object of names and texts, or env text as package dotenv reads it:
//
//	{"db-password": "hunter2", "team/key": {"value_base64": "AAEC"}}
//
// The name of the file says which it is (secrets.json.age, secrets.yaml.age, .env.age), else the key format. Everything else in the file stays as
// it is when a secret is written: order, comments, entries that are no secrets.
//
// A file does not say whom it was encrypted to, only to how many. It is written back to the owner of identity, when there is one of
// both, or to recipients. Otherwise writing is refused, since it would lock others out, or let a retired key back in.
package agefile
