package main

import (
	"fmt"
	"testing"
)

func TestParse(t *testing.T) {
	commands, err := parse([]string{"floor", "./floor", "--", "set", "A=b", "<in", "/x=y/tacit", "set", "k{n}", "C=d"})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(commands[0].name, commands[0].words, commands[1].name, commands[1].env, commands[1].input, commands[1].words)
	if want := "floor [./floor] set [A=b] in [/x=y/tacit set k{n} C=d]\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, bad := range [][]string{nil, {"name"}, {"a", "b", "--", "c"}, {"name", "A=b"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestSummarise(t *testing.T) {
	var samples []sample
	for i := range 101 {
		samples = append(samples, sample{ms: float64(100 - i), peakMiB: float64(i % 7)})
	}
	if r := summarise(samples); r != (result{Median: 50, P10: 10, P90: 90, PeakMiB: 6, Runs: 101}) {
		t.Errorf("got %+v", r)
	}
	if r := summarise(nil); r != (result{}) {
		t.Errorf("of nothing: %+v", r)
	}
}

func TestOnce(t *testing.T) {
	c := command{words: []string{"sh", "-c", "exit {n}"}}
	if s, err := c.once(0); err != nil || s.ms <= 0 {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := c.once(3); err == nil {
		t.Error("a command that fails was measured")
	}
	c = command{words: []string{"@fsync", t.TempDir()}}
	if s, err := c.once(0); err != nil || s.ms <= 0 {
		t.Errorf("fsync: got %+v, %v", s, err)
	}
}
