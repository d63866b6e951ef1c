package main

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A measured is how one target did: over all rounds.
type measured struct {
	PerSecond float64 `json:"per_second,omitempty"`
	Best      float64 `json:"best_per_second,omitempty"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
}

func load(args []string) error {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	connections := flags.String("connections", "1,16,32,64", "how many at once")
	rounds := flags.Int("rounds", 5, "")
	each := flags.Duration("for", 2*time.Second, "how long a target has its turn")
	if err := flags.Parse(args); err != nil {
		return err
	}
	targets, err := parseTargets(flags.Args(), "")
	if err != nil {
		return err
	}
	results := map[string]map[string]measured{}
	for text := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		rates, times := make([][]float64, len(targets)), make([][]time.Duration, len(targets))
		for round := range *rounds + 1 { // the first one warms up
			for i, t := range targets {
				took, rate, err := t.load(n, *each)
				if err != nil {
					return fmt.Errorf("%s: %w", t.name, err)
				}
				if round > 0 {
					rates[i], times[i] = append(rates[i], rate), append(times[i], took...)
				}
			}
		}
		results[text] = map[string]measured{}
		for i, t := range targets {
			m := summarise(times[i])
			slices.Sort(rates[i])
			m.PerSecond, m.Best = rates[i][len(rates[i])/2], rates[i][len(rates[i])-1]
			results[text][t.name] = m
		}
	}
	return show(results)
}

// load sends requests over n connections at once.
func (t *target) load(n int, during time.Duration) (took []time.Duration, perSecond float64, err error) {
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		failed error
		all    []*caller
	)
	for range n {
		c, err := t.dial()
		if err != nil {
			return nil, 0, err
		}
		defer func() { _ = c.Close() }()
		all = append(all, c)
	}
	request := t.request("GET", pathKilobyte, "")
	began := time.Now()
	until := began.Add(during)
	for _, c := range all {
		group.Go(func() {
			mine, err := c.repeat(request, until)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			if err != nil {
				failed = err
			}
		})
	}
	group.Wait()
	return took, float64(len(took)) / time.Since(began).Seconds(), failed
}

func (c *caller) repeat(request []byte, until time.Time) (took []time.Duration, err error) {
	for at := time.Now(); at.Before(until); {
		h, err := c.begin(request)
		if err != nil {
			return took, err
		}
		if n, err := c.finish(h); err != nil || n != 1024 {
			return took, fmt.Errorf("an answer of %d bytes: %w", n, err)
		}
		now := time.Now()
		took = append(took, now.Sub(at))
		at = now
	}
	return took, nil
}

func summarise(took []time.Duration) measured {
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[min(len(took)-1, int(share*float64(len(took))))]) / float64(time.Microsecond)
	}
	return measured{P50: at(0.5), P99: at(0.99)}
}
