package cli

// vaultEntries are the commands about the vault as a whole.
func vaultEntries() []entry { return []entry{} }
func auditEntries() []entry { return []entry{} }
