package bolt

import (
	"fmt"
	"runtime/debug"
)

// panicked is what bbolt died of.
type panicked struct{ reason any }

func (p *panicked) Error() string { return fmt.Sprintf("bbolt gave up: %v", p.reason) }

// wall calls fn and turns a panic, and a fault in mapped memory, into an error. It stands around bbolt only, never around code
// of a caller.
func wall(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = &panicked{r}
		}
	}()
	return fn()
}
