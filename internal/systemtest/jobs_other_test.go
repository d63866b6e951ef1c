//go:build !linux

package systemtest

import "tacit/internal/engine/enginetest"

func jobs() map[string]enginetest.Job {
	return map[string]enginetest.Job{"hold": holdJob, "damage": damageJob, "write": writeJob, "watch": watchJob}
}
