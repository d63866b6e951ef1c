package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A command is run once a round.
type command struct {
	name    string
	env     []string
	input   string // a file; empty: nothing to read
	words   []string
	samples []sample
}

// A sample is one run.
type sample struct {
	ms      float64
	peakMiB float64 // 0: not a process, or not known on this system
}

func (c *command) once(n int) (sample, error) {
	if c.words[0] == "@fsync" {
		return syncOnce(c.words[1])
	}
	words := slices.Clone(c.words)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "{n}", strconv.Itoa(n))
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	if c.input != "" {
		f, err := os.Open(c.input)
		if err != nil {
			return sample{}, err
		}
		defer f.Close()
		cmd.Stdin = f
	}
	// Straight to files: a pipe would make this program part of what is measured.
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return sample{}, err
	}
	defer null.Close()
	said, err := os.CreateTemp("", "measure")
	if err != nil {
		return sample{}, err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	cmd.Stdout, cmd.Stderr = null, said

	began := time.Now()
	err = cmd.Run()
	took := time.Since(began)
	if err != nil {
		b, _ := os.ReadFile(said.Name())
		return sample{}, fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, bytes.TrimSpace(b))
	}
	return sample{float64(took) / 1e6, peakMiB(cmd.ProcessState)}, nil
}

// syncOnce is what one durable append costs on the file system of dir.
func syncOnce(dir string) (sample, error) {
	f, err := os.OpenFile(filepath.Join(dir, "fsync-floor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return sample{}, err
	}
	defer f.Close()
	began := time.Now()
	if _, err := f.Write(make([]byte, 400)); err != nil {
		return sample{}, err
	}
	if err := f.Sync(); err != nil {
		return sample{}, err
	}
	return sample{ms: float64(time.Since(began)) / 1e6}, nil
}

// A result sums up the samples of one command; times in milliseconds.
type result struct {
	Median  float64 `json:"median_ms"`
	P10     float64 `json:"p10_ms"`
	P90     float64 `json:"p90_ms"`
	PeakMiB float64 `json:"peak_mib"` // the most of all runs
	Runs    int     `json:"runs"`
}

func summarise(samples []sample) result {
	r := result{Runs: len(samples)}
	times := make([]float64, 0, len(samples))
	for _, s := range samples {
		times = append(times, s.ms)
		r.PeakMiB = max(r.PeakMiB, s.peakMiB)
	}
	slices.Sort(times)
	at := func(q float64) float64 { return times[int(q*float64(len(times)-1)+0.5)] }
	if len(times) > 0 {
		r.Median, r.P10, r.P90 = at(0.5), at(0.1), at(0.9)
	}
	return r
}
