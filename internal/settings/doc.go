// Package settings holds a table of configuration between the file that it was read from and the package that it is meant for: a
// provider takes its keys from a [Table] without knowing YAML, and an error still names file and line.
//
// A reader asks for each key that it knows, then calls [Table.Done], which reports the first thing that was wrong: a value of another
// kind, or a key that nobody asked for.
package settings
