package enginetest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// testProcesses has 8 processes write 200 times each, while another replaces the storage.
func testProcesses(t *testing.T, target Target) {
	address := target.Create(t)
	e := open(t, target, address)
	const processes, each, swaps = 8, 200, 10
	var wg sync.WaitGroup
	start := time.Now()
	for p := range processes {
		wg.Go(func() {
			n := 0
			err := Lines(Child("increment", address, strconv.Itoa(p), strconv.Itoa(each)), func(string) { n++ })
			if err != nil || n != each {
				t.Errorf("process %d: %d writes acknowledged, %v", p, n, err)
			}
		})
	}
	wg.Go(func() {
		n := 0
		if err := Lines(Child("swap", address, strconv.Itoa(swaps)), func(string) { n++ }); err != nil || n != swaps {
			t.Errorf("%d replacements: %v", n, err)
		}
	})
	wg.Wait()
	t.Logf("%d processes × %d writes and %d replacements took %v", processes, each, swaps, time.Since(start).Round(time.Millisecond))
	got, err := Contents(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if got["n"] != strconv.Itoa(processes*each) {
		t.Errorf("the counter is %s, want %d", got["n"], processes*each)
	}
	for p := range processes {
		for i := range each {
			if _, ok := got[fmt.Sprintf("mark/%d-%d", p, i)]; !ok {
				t.Errorf("write %d of process %d is lost", i, p)
			}
		}
	}
}

// testKill kills a writing process at random points: what was acknowledged is there, the rest is whole or absent.
func testKill(t *testing.T, target Target) {
	kills := 300
	if Long() {
		kills = 2000
	}
	hits := Kill(t, target, kills)
	t.Logf("%d kills; last phase passed: %v", kills, hits)
}

// Kill does that and returns how often the process died after which phase.
func Kill(t *testing.T, target Target, kills int) map[string]int {
	const lanes = 3
	hits := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for lane := range lanes {
		address := target.Create(t)
		wg.Go(func() {
			h := History{Seed: uint64(lane), ReplaceEvery: 7}
			ledger := &Ledger{History: h}
			at, died := 0, 0
			for died < kills/lanes {
				last, phase, err := killOne(address, h)
				if err != nil {
					t.Error(err)
					return
				}
				e, err := target.Open(address, func(string) {})
				if err != nil {
					t.Errorf("open after kill: %v", err)
					return
				}
				acknowledged := max(at, last)
				at, err = ledger.Check(t.Context(), e, acknowledged, acknowledged+1)
				if err != nil {
					t.Errorf("after kill %d (last phase %q): %v", died, phase, err)
					return
				}
				e.Close()
				died++
				mu.Lock()
				hits[phase]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return hits
}

// killOne starts a writer, kills it some milliseconds after it is ready, and returns the last batch that it acknowledged.
func killOne(address string, h History) (last int, phase string, err error) {
	c := Child("history", address, strconv.FormatUint(h.Seed, 10), strconv.Itoa(h.ReplaceEvery), "1000000")
	phase = "none"
	err = Lines(c, func(line string) {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "ready":
			time.AfterFunc(rand.N(12*time.Millisecond), func() { _ = c.Process.Kill() })
		case "acknowledged":
			last, _ = strconv.Atoi(rest)
			phase = "acknowledged"
		case "phase":
			phase = rest
		}
	})
	if err == nil || c.ProcessState.ExitCode() >= 0 {
		return 0, "", fmt.Errorf("the writer ended by itself: %v, %v", c.ProcessState, err)
	}
	return last, phase, nil
}
