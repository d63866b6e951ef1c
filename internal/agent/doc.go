// Package agent is the daemon that keeps a vault open: the server of package server on a unix socket, with the keys in memory
// until it is told, or it is time, to forget them.
//
// Who is at the socket is proved by the kernel: a connection of another user is closed before a byte of it is read, and without
// a token the caller is the owner (I10). There is no presence operation among what the agent serves (I31), and it could do none:
// it holds what is derived from the root key, not the key.
//
// The agent opens no slot. `tacit unlock` does, in its own process, and hands the root key over (handover.go). While it is locked
// the agent answers fault.Locked, and a command goes on by itself as if there were no agent.
//
// A process that is to become the agent goes through [Harden] before anything else.
package agent
