//go:build !linux

package bolt_test

import "tacit/internal/engine/enginetest"

func platformJobs() map[string]enginetest.Job { return map[string]enginetest.Job{} }
