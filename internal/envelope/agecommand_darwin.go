package envelope

// keyringCommand prints the identity of a keyring slot; VAULT_ID is what tacit status shows. The prefix is go-keyring's.
func keyringCommand(slotID string) string {
	return "security find-generic-password -s tacit -wa VAULT_ID/" + slotID + " | sed s/go-keyring-base64:// | base64 -d"
}
