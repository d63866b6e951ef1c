//go:build !linux

package systemtest

import "tacit/internal/engine/enginetest"

func jobs() map[string]enginetest.Job {
	return map[string]enginetest.Job{"damage": damageJob, "write": writeJob, "watch": watchJob}
}
