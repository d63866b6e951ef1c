// Package transfer moves secrets in and out of files: one file of the package a format, a reader and a writer where both exist.
//
//	json, yaml   {"name":"value"} or {"name":{"value":…, "tags":[…], …}}; all bytes of names and values come back as they were
//	env          NAME=value lines, in the dialect that env.go describes; likewise
//	csv          written only
//	age          a backup; its inside is package transfer/backup
//
// A [Reader] yields entries and a [Writer] takes them, one at a time, in memory that does not grow with the file (but for
// eight to sixteen bytes a name, to find duplicates). Hostile input is bounded: the size of one entry, the depth of nesting, the number of entries and
// warnings (I08). Text that is to become a secret is never interpreted beyond its format's own escapes (I21).
//
// The package decides nothing and looks nothing up: what an import does to the vault is package keeper's to say.
package transfer
