// Package azurekeyvault is the provider of Azure Key Vault: its secrets, over its REST API
// (https://learn.microsoft.com/rest/api/keyvault/secrets), as an identity of Microsoft Entra ID.
//
// A token is asked for the domain that the vault's own name is in, and for no other: whatever a vault answers, it can neither choose
// what our token is good for nor see one that is good elsewhere. This is what Azure's SDK checks of the challenge of a vault.
//
// Key Vault holds text. Bytes that are no text are stored in base64 and marked by their content type. Its names are letters, digits and
// '-', without regard to case; a name with '.', '_' or '/' is refused and never mapped to another one, since two secrets could meet there.
package azurekeyvault
