// Command callers asks an agent over its socket from several connections at once and prints how many calls it answered in a
// second, as JSON.
//
//	callers SOCKET read|write CALLERS SECONDS NAME…
//
// It reads the named secrets, or adds versions to them, each caller its own share of them in turns.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tacit/internal/keeper"
	"tacit/internal/remote"
	"tacit/internal/secret"
)

func main() {
	if len(os.Args) < 6 {
		fail("usage: callers SOCKET read|write CALLERS SECONDS NAME…")
	}
	socket, what, names := os.Args[1], os.Args[2], os.Args[5:]
	callers, err1 := strconv.Atoi(os.Args[3])
	seconds, err2 := strconv.ParseFloat(os.Args[4], 64)
	if err1 != nil || err2 != nil || callers < 1 || seconds <= 0 || what != "read" && what != "write" {
		fail("callers: not a number, or neither read nor write")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds*float64(time.Second)))
	defer cancel()
	var (
		group sync.WaitGroup
		calls atomic.Int64
		bad   atomic.Pointer[error]
	)
	began := time.Now()
	for i := range callers {
		group.Go(func() {
			api := remote.New(remote.Options{Version: "bench", Dial: func(ctx context.Context) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			}})
			defer api.Close()
			for n := i; ctx.Err() == nil; n += callers {
				if err := call(ctx, api, what, names[n%len(names)]); err != nil {
					if ctx.Err() == nil {
						bad.Store(&err)
					}
					return
				}
				calls.Add(1)
			}
		})
	}
	group.Wait()
	if err := bad.Load(); err != nil {
		fail("callers: " + (*err).Error())
	}
	took := time.Since(began).Seconds()
	_ = json.NewEncoder(os.Stdout).Encode(map[string]float64{"calls": float64(calls.Load()), "seconds": took, "per_second": float64(calls.Load()) / took})
}

func call(ctx context.Context, api keeper.API, what, name string) error {
	ref := keeper.Ref{Name: name}
	if what == "read" {
		r, err := api.Get(ctx, keeper.Caller{}, keeper.GetRequest{Ref: ref})
		r.Value.Wipe()
		return err
	}
	_, err := api.Set(ctx, keeper.Caller{}, keeper.SetRequest{Ref: ref, Value: secret.New([]byte("a value of a bench")), Via: "set"})
	return err
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
