//go:build !linux

package audit

import "crypto/rand"

// systemRandom reads crypto/rand.
type systemRandom struct{}

func (systemRandom) Read(b []byte) (int, error) { return rand.Read(b) }
