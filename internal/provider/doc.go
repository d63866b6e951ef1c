// Package provider is the places besides the vault that secrets come from: the environment, the keyring, other vaults, the clouds. Each
// is a folder of its own behind [Provider], which is small on purpose: adding one touches nothing here but the table of kinds.
//
// A provider speaks to its store and says what it answered. It decides nothing, records nothing and caches nothing: who may read is
// the keeper's rule, and the order in which providers are asked, retries and the cache are those of the chain.
//
// Its errors are of the classes of package fault with Origin "provider", name the provider and say what the store answered and what
// to do. One class means "ask the next one": [fault.NotFound], and only when the store itself said that there is no such secret
// (I19). Whatever is in doubt — a host that does not answer, an answer that cannot be read, a permission that is missing — is another
// class and stops the chain.
package provider
