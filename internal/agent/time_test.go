package agent

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tacit/internal/keeper"
)

// clocks are a state in a bubble where time is the test's, and how long its machine has slept.
type clocks struct {
	*state
	slept atomic.Int64 // nanoseconds
}

// inBubble calls test with an unlocked state, in a bubble.
func inBubble(t *testing.T, h *home, most, idle time.Duration, test func(t *testing.T, c *clocks)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &clocks{}
		begun := time.Now()
		boot := func() time.Duration { return time.Since(begun) + time.Duration(c.slept.Load()) }
		nothing := func(keeper.API) http.Handler { return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) }
		c.state = newState(func() *keeper.Keeper { return h.keyless(nil) }, nothing, func() error { return nil }, boot, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		go c.watch(ctx)
		defer func() {
			cancel()
			c.end()
		}()
		if err := c.unlock(t.Context(), h.key, h.slot, most, idle); err != nil {
			t.Fatal(err)
		}
		test(t, c)
	})
}

func (c *clocks) locked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.open
}

func (c *clocks) ask(how use) {
	c.serveAs(how, httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", nil))
}

func TestLocksWhenItIsTime(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	inBubble(t, h, 2*time.Hour, time.Hour, func(t *testing.T, c *clocks) {
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		if c.locked() {
			t.Error("locked too early")
		}
		time.Sleep(time.Second + tick)
		synctest.Wait()
		if !c.locked() {
			t.Error("nobody used it for an hour")
		}
	})
	inBubble(t, h, 2*time.Hour, time.Hour, func(t *testing.T, c *clocks) {
		for range 8 { // two hours of use
			time.Sleep(14 * time.Minute)
			c.ask(work)
			if c.locked() {
				t.Fatal("locked while it was used")
			}
		}
		time.Sleep(8*time.Minute + tick)
		synctest.Wait()
		if !c.locked() {
			t.Error("open for longer than unlock said")
		}
	})
	inBubble(t, h, 2*time.Hour, time.Hour, func(t *testing.T, c *clocks) {
		for range 10 {
			time.Sleep(7 * time.Minute)
			c.ask(look)
			c.times()
		}
		synctest.Wait()
		if !c.locked() {
			t.Error("looking at it kept it open")
		}
	})
}

// Time goes on while the machine sleeps, when the timers of this process do not.
func TestTimeCountsThroughSuspend(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	inBubble(t, h, 8*time.Hour, time.Hour, func(t *testing.T, c *clocks) {
		time.Sleep(time.Minute)
		synctest.Wait()
		c.slept.Store(int64(59*time.Minute + time.Second))
		c.ask(work) // the first request after waking up, before any timer
		if !c.locked() {
			t.Error("a request after an hour of sleep found it open")
		}
	})
	inBubble(t, h, 8*time.Hour, time.Hour, func(t *testing.T, c *clocks) {
		time.Sleep(time.Minute)
		synctest.Wait()
		c.slept.Store(int64(10 * time.Hour))
		time.Sleep(tick)
		synctest.Wait()
		if !c.locked() {
			t.Error("open after a night of sleep")
		}
	})
}

// A request that is under way for long is use, until it ends.
func TestLongRequestIsUse(t *testing.T) {
	t.Parallel()
	inBubble(t, newHome(t), 8*time.Hour, time.Hour, func(t *testing.T, c *clocks) {
		c.mu.Lock()
		c.current.handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			time.Sleep(3 * time.Hour)
			if r.Context().Err() != nil {
				t.Error("it was ended in the middle")
			}
		})
		c.mu.Unlock()
		c.ask(work)
		if c.locked() {
			t.Error("locked while a request was under way")
		}
		time.Sleep(time.Hour + tick)
		synctest.Wait()
		if !c.locked() {
			t.Error("open an hour after the request")
		}
	})
}

// lock waits for what is under way, but not for ever.
func TestLockEndsWhatHangs(t *testing.T) {
	t.Parallel()
	inBubble(t, newHome(t), 8*time.Hour, time.Hour, func(t *testing.T, c *clocks) {
		var short, long error
		hang := func(limit time.Duration, to *error) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(limit):
				case <-r.Context().Done():
				}
				*to = r.Context().Err()
			})
		}
		c.mu.Lock()
		c.current.handler = hang(graceTime/2, &short)
		c.mu.Unlock()
		go c.ask(work)
		synctest.Wait()
		c.mu.Lock()
		c.current.handler = hang(time.Hour, &long)
		c.mu.Unlock()
		go c.ask(work)
		synctest.Wait()
		begun := time.Now()
		c.lock()
		if took := time.Since(begun); took != graceTime {
			t.Errorf("lock took %v", took)
		}
		if short != nil || !errors.Is(long, context.Canceled) {
			t.Errorf("the short request ended with %v, the long one with %v", short, long)
		}
	})
}
