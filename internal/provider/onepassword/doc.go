// Package onepassword is the provider of kind onepassword: the items of one vault of 1Password.
//
//	onepassword: {connect_url: "https://connect.example.com", token: …, vault: Servers}
//
// With connect_url (else OP_CONNECT_HOST) it speaks to a 1Password Connect server (https://developer.1password.com/docs/connect/api-reference/),
// without to the program op, version 2, which asks the app or uses a service account.
//
// A secret is an item: its title is the name, and its value the field that is the password, else the credential, else the only
// concealed one. Names are compared exactly, where 1Password would take what is alike.
//
// That there is no such item is what a list of the vault's items says (I19): neither a 404 nor the words of op are taken for it.
package onepassword
