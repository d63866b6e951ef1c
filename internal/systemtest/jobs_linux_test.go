package systemtest

import "tacit/internal/engine/enginetest"

// jobs are what children of the tests do.
func jobs() map[string]enginetest.Job {
	return map[string]enginetest.Job{"change": changeJob, "hold": holdJob, "damage": damageJob, "write": writeJob, "watch": watchJob, "crew": crewJob}
}
