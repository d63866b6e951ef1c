package main

import (
	"flag"
	"fmt"
	"time"
)

// first measures when the first event of a stream is there, on a connection that is.
func first(args []string) error {
	return moments("first", args, func(t *target) (func() (time.Duration, error), error) {
		c, err := t.dial()
		if err != nil {
			return nil, err
		}
		request := t.request("GET", pathEvents, "")
		return func() (time.Duration, error) {
			began := time.Now()
			h, err := c.begin(request)
			if err == nil && !h.chunked {
				err = fmt.Errorf("the events came as a whole")
			}
			if err != nil {
				return 0, err
			}
			size, err := chunk(c.in)
			if err != nil {
				return 0, err
			}
			if _, err := c.in.Peek(int(size)); err != nil {
				return 0, err
			}
			took := time.Since(began)
			if _, err := c.in.Discard(int(size) + 2); err != nil {
				return 0, err
			}
			_, err = discardChunks(c.in)
			return took, err
		}, nil
	})
}

// short measures one request of a client that has no connection yet, and none afterwards.
func short(args []string) error {
	return moments("short", args, func(t *target) (func() (time.Duration, error), error) {
		request := t.request("GET", pathKilobyte, "Connection: close\r\n")
		return func() (time.Duration, error) {
			began := time.Now()
			c, err := t.dial()
			if err != nil {
				return 0, err
			}
			defer func() { _ = c.Close() }()
			h, err := c.begin(request)
			if err != nil {
				return 0, err
			}
			_, err = c.finish(h)
			return time.Since(began), err
		}, nil
	})
}

// moments takes one time of each target in turns.
func moments(name string, args []string, prepare func(*target) (func() (time.Duration, error), error)) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	rounds := flags.Int("rounds", 501, "")
	certificate := flags.String("certificate", "", "`file` with that of TLS targets")
	if err := flags.Parse(args); err != nil {
		return err
	}
	targets, err := parseTargets(flags.Args(), *certificate)
	if err != nil {
		return err
	}
	times, once := make([][]time.Duration, len(targets)), make([]func() (time.Duration, error), len(targets))
	for i, t := range targets {
		if once[i], err = prepare(t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	const warm = 10
	for round := range *rounds + warm {
		for i, t := range targets {
			took, err := once[i]()
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			if round >= warm {
				times[i] = append(times[i], took)
			}
		}
	}
	results := map[string]measured{}
	for i, t := range targets {
		results[t.name] = summarise(times[i])
	}
	return show(results)
}
