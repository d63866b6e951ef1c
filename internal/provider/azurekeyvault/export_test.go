package azurekeyvault

// MakeWith is Make with connections of a test's.
var MakeWith = makeWith

// Stored is how many bytes a value has in Key Vault.
func Stored(value []byte) int {
	text, _ := stored(value)
	return len(text)
}
