//go:build !linux

package paths

import (
	"errors"
	"os"
)

func openUnnamed(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func nameIt(f *os.File, _ string) (string, error) { return f.Name(), nil }
