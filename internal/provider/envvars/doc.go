// Package envvars is the provider of kind env: secrets that somebody else has put into our environment, as CI systems, containers
// and process managers do.
//
//	env: {prefix: TACIT_SECRET_, uppercase_names: true, allow_unprefixed: false}
//
// The secret db-password is the variable TACIT_SECRET_DB_PASSWORD: prefix and name, upper case, with '_' for '-', '.' and '/'. So
// db-password, db.password and DB_PASSWORD are one secret here. List turns a variable around as a person would write its name:
// db-password; without uppercase_names the name is what follows the prefix, as it is.
//
// What opens the vault is no secret of anybody's to read: its variables are not here whatever prefix is configured (I12).
package envvars
