//go:build !darwin

package envelope

// keyringCommand prints the identity of a keyring slot; VAULT_ID is what tacit status shows.
func keyringCommand(slotID string) string {
	return "secret-tool lookup service tacit vault VAULT_ID slot " + slotID
}
