//go:build !linux

package systemtest

import "tacit/internal/engine/enginetest"

func jobs() map[string]enginetest.Job { return nil }
