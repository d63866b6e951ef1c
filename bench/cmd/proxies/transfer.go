package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// transfer sends and fetches many bytes, and looks at the memory of a process while it does.
func transfer(args []string) error {
	flags := flag.NewFlagSet("transfer", flag.ContinueOnError)
	size := flags.Int64("bytes", 1<<30, "how many, each way")
	pid := flags.Int("pid", 0, "the process whose memory is looked at")
	only := flags.String("way", "", "up or down; both, one after the other, if it is empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	targets, err := parseTargets(flags.Args(), "")
	if err != nil {
		return err
	}
	t := targets[0]
	c, err := t.dial()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	up := func() error {
		if _, err := c.Write(t.request("POST", pathUp, "Content-Type: application/octet-stream\r\nContent-Length: "+strconv.FormatInt(*size, 10)+"\r\n")); err != nil {
			return err
		}
		if _, err := io.CopyN(struct{ io.Writer }{c}, noise{}, *size); err != nil {
			return err
		}
		h, err := c.answer()
		if err == nil {
			_, err = c.finish(h)
		}
		return err
	}
	down := func() error {
		h, err := c.begin(t.request("GET", pathDown+strconv.FormatInt(*size, 10), ""))
		if err != nil {
			return err
		}
		n, err := c.finish(h)
		if err == nil && n != *size {
			err = fmt.Errorf("%d of %d bytes came", n, *size)
		}
		return err
	}
	results := map[string]map[string]float64{}
	for name, do := range map[string]func() error{"up": up, "down": down} {
		if *only != "" && *only != name {
			continue
		}
		began := time.Now()
		peak, err := watched(*pid, do)
		if err != nil {
			return fmt.Errorf("%s %s: %w", t.name, name, err)
		}
		results[name] = map[string]float64{"mb_per_second": float64(*size) / 1e6 / time.Since(began).Seconds(), "peak_mib": peak}
	}
	return show(results)
}

// watched returns the most resident memory, in MiB, that a process has while something is done; 0 for no process.
func watched(pid int, do func() error) (peak float64, err error) {
	done := make(chan error, 1)
	go func() { done <- do() }()
	each := time.NewTicker(5 * time.Millisecond)
	defer each.Stop()
	for {
		select {
		case err := <-done:
			return peak, err
		case <-each.C:
			if pid != 0 {
				now, err := resident(pid)
				if err != nil {
					return 0, err
				}
				peak = max(peak, now)
			}
		}
	}
}

// resident is the resident memory of a process in MiB.
func resident(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS of %d", pid)
}
