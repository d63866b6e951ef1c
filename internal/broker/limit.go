package broker

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The defaults of [Limits], and what bounds every request whatever they say. There is no default rate, and none for sizes: bodies are
// streams in constant memory.
const (
	// DefaultTimeout is how long an upstream may take to begin its answer, and how long neither side may say anything after that.
	DefaultTimeout = 60 * time.Second
	// MaxDuration is how long a request may take with its answer, however lively.
	MaxDuration = time.Hour

	defaultConcurrency = 128  // of one principal on one capability
	maxPerPrincipal    = 512  // of one principal: half, so that nobody can starve everybody else
	maxRunning         = 1024 // in all
	// maxDecoded bounds what a compressed answer may become where no limit on the answer does.
	maxDecoded = 4 << 30

	// manyBuckets is when those that are full again, and so say nothing, are thrown away.
	manyBuckets = 4096
)

// A share is whose limits are counted together.
type share struct{ principal, capability string }

// A limiter counts requests. It lives as long as the broker: one that is made for each request limits nothing.
type limiter struct {
	now func() time.Time

	mu       sync.Mutex
	running  int
	by       map[string]int // principal
	on       map[share]int
	buckets  map[share]*rate.Limiter
	sweepAt  int
	draining bool
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, by: map[string]int{}, on: map[share]int{}, buckets: map[share]*rate.Limiter{}, sweepAt: manyBuckets}
}

// enter lets one request in, or says why not. Who was let in calls leave once.
func (l *limiter) enter(who share, limits Limits) error {
	concurrency := defaultConcurrency
	if limits.Concurrency > 0 {
		concurrency = limits.Concurrency
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.draining:
		return errClosed()
	case l.on[who] >= concurrency:
		return limited(who, time.Second, "%d requests are under way, which is the limit", concurrency)
	case l.by[who.principal] >= maxPerPrincipal:
		return limited(who, time.Second, "%d requests of one principal are under way, which is the limit", maxPerPrincipal)
	case l.running >= maxRunning:
		return limited(who, time.Second, "%d requests are under way in all, which is the limit", maxRunning)
	}
	if limits.RatePerMinute > 0 {
		if wait := l.spend(who, limits.RatePerMinute); wait > 0 {
			return limited(who, wait, "the limit is %d requests a minute", limits.RatePerMinute)
		}
	}
	l.running++
	l.by[who.principal]++
	l.on[who]++
	return nil
}

func (l *limiter) leave(who share) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	if l.by[who.principal]--; l.by[who.principal] == 0 {
		delete(l.by, who.principal)
	}
	if l.on[who]--; l.on[who] == 0 {
		delete(l.on, who)
	}
}

// close lets nobody in any more.
func (l *limiter) close() {
	l.mu.Lock()
	l.draining = true
	l.mu.Unlock()
}

// spend takes one token out of the bucket of who, or returns how long it takes until there is one. A bucket holds a minute's worth.
func (l *limiter) spend(who share, perMinute int) time.Duration {
	now := l.now()
	each := rate.Limit(float64(perMinute) / 60)
	b, ok := l.buckets[who]
	if !ok {
		l.sweep(now)
		b = rate.NewLimiter(each, perMinute)
		l.buckets[who] = b
	}
	if b.Limit() != each { // it was changed meanwhile: what was spent stays spent
		b.SetLimitAt(now, each)
		b.SetBurstAt(now, perMinute)
	}
	if b.AllowN(now, 1) {
		return 0
	}
	missing := 1 - b.TokensAt(now)
	return time.Duration(math.Ceil(missing / float64(each) * float64(time.Second)))
}

// sweep forgets buckets that are full: a new one would be the same.
func (l *limiter) sweep(now time.Time) {
	if len(l.buckets) < l.sweepAt {
		return
	}
	for who, b := range l.buckets {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(l.buckets, who)
		}
	}
	l.sweepAt = max(manyBuckets, 2*len(l.buckets)) // not each time, when they are all in use
}
