package handoff

import "strings"

// Names of variables are the same on Windows whatever their case.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }

// Become runs the program at path (see [Find]) with this process's streams and returns its exit status, or a [*StartError].
// Windows replaces no process, so this one outlives the child.
func Become(path string, argv, env []string) (exit int, err error) { return Run(path, argv, env) }
