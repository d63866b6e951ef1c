// Package ageplugin is a client of age plugins (C2SP age-plugin, https://c2sp.org/age-plugin) that keeps two promises which
// filippo.io/age/plugin does not make: the program that runs is the one at a given absolute path, whatever PATH says at that
// moment, and it gets the environment that it is given, not that of the process, which may hold a passphrase (I12).
// Setting and restoring PATH and the variables around the library's call would be seen by every other goroutine.
//
// It also ends with its context, and bounds what a plugin can make it read (I08).
package ageplugin
