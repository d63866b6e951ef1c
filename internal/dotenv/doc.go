// Package dotenv reads env text, NAME=value on every line, as tacit writes it and people keep it in .env files: byte for byte, expanding
// nothing. [Scanner] says what the dialect is. The rest of the program has one reader of it: imports, env files of run, and files that age
// has encrypted.
package dotenv
