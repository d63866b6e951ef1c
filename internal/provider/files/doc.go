// Package files is the provider of kind file: a directory in which every file is a secret, as Kubernetes and Docker mount them and
// systemd hands them out.
//
//	file: {directory: /run/secrets, read_only: false}
//
// The secret team/db is the file team/db; its value is every byte of it, a newline at the end too. What begins with a dot is no
// secret: Kubernetes keeps its machinery there (..data), and we what is being written.
//
// Nothing outside of the directory is ever reached, whatever a name or a link in it says ([os.Root]).
//
// Files that others could read or change are refused, not silently used: they must be ours (or root's) and 0600. Where the file system
// is mounted read-only, which is how secrets are mounted into containers, modes are what the mount gave and say nothing; there any will do.
package files
