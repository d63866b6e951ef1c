// Package flatjson writes and reads small JSON objects without reflection and without spaces.
//
// encoding/json would do what this package does, but takes 0.3 ms to learn a type in every new process: a fifth of what a whole
// command may take over an empty program. What is written here encoding/json reads back equal, and the other way round; fuzz
// tests of those who use it compare the two.
//
// It is for the few records that every command reads or writes. For anything else use encoding/json.
package flatjson
