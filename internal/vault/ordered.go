package vault

import (
	"runtime"
	"sync"
)

// chunk is how many items travel together through [ordered], so that handing over costs little beside the work.
const chunk = 64

// ordered calls next until it says that there is no more, work on each item in several goroutines, and use with the results that
// work wants to be used, in the order of the items and in the caller's goroutine. worker makes the work of one goroutine; it is
// called before any of them starts. next runs in a goroutine of its own. The first error ends everything, and is returned once no
// goroutine is left; what it holds meanwhile is bounded.
func ordered[T, R any](next func() (item T, ok bool, err error), worker func() func(T) (R, bool, error), use func(R) error) error {
	type job struct {
		items   []T
		results []R
		err     error
		done    chan struct{}
	}
	var (
		workers = runtime.GOMAXPROCS(0)
		todo    = make(chan *job, workers)
		order   = make(chan *job, 4*workers)
		quit    = make(chan struct{})
		running sync.WaitGroup
	)
	running.Go(func() { // the producer
		defer close(order)
		defer close(todo)
		for more := true; more; {
			j := &job{items: make([]T, 0, chunk), done: make(chan struct{})}
			for len(j.items) < chunk && more {
				var item T
				if item, more, j.err = next(); more && j.err == nil {
					j.items = append(j.items, item)
				}
				more = more && j.err == nil
			}
			select {
			case order <- j:
				todo <- j // a worker takes it, whatever happens meanwhile
			case <-quit:
				return
			}
		}
	})
	for range workers {
		work := worker()
		running.Go(func() {
			for j := range todo {
				for _, item := range j.items {
					r, wanted, err := work(item)
					if err != nil {
						j.err = err
						break
					}
					if wanted {
						j.results = append(j.results, r)
					}
				}
				close(j.done)
			}
		})
	}
	err := func() error {
		for j := range order {
			<-j.done
			for _, r := range j.results {
				if err := use(r); err != nil {
					return err
				}
			}
			if j.err != nil {
				return j.err
			}
		}
		return nil
	}()
	close(quit)
	running.Wait()
	return err
}
