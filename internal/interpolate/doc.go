// Package interpolate reads text with references in it: ${secret:REF}, ${env.NAME}, ${vars.path} and ${params.name}. It knows no files,
// no environment and no vault: [Parse] turns a text into a [Template], and whoever expands that says what the references stand for.
//
//	postgresql://app:${secret:db.password}@${env.PGHOST:-localhost}/${vars.database}
//
// A default stands after ":-" and is used when the variable is not set or empty, as in a shell; it may hold references itself, and a
// "}" in it is written \}. A secret has no default: a value that is missing must not become another one silently (I19). \${ is the two
// characters; a backslash before a reference is written twice. A "$" that no "{" follows is itself. Everything else after ${ is an
// error, so that a misspelt reference is not handed to a program as text.
//
// Parsing happens once, on text that the owner of the file wrote. Neither what comes from a secret nor what comes from the environment
// is ever parsed (I21): the types say so, since only a Template can hold references, and secrets are bytes.
package interpolate
