// Package keyring is the provider of kind keyring: secrets in the keyring of the user's login session, which is the Secret Service on
// Linux, the Keychain on macOS and the Credential Manager on Windows.
//
//	keyring: {service: tacit}
//
// A secret is the item with the attributes service and username, the latter its name, as many programs keep passwords: on Linux
// secret-tool reads and writes the same. Package oskeyring speaks to the keyrings; slots of vaults keep their keys by it too, and those
// are no secrets here.
//
// Where there is no display, a keyring that is not there at once, or locked, is unavailable: nobody could unlock it, and nothing waits.
package keyring
