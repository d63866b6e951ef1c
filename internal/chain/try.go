package chain

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/provider"
	"tacit/internal/secret"
)

// Test writes a secret of its own to a provider, reads it and removes it. A step that fails is in the answer; what cannot be written to
// is an error of class fault.Invalid, and nothing is tried.
func (c *Chain) Test(ctx context.Context, who keeper.Caller, named string) (client.ProviderTested, error) {
	out := client.ProviderTested{Provider: named, OK: true, Steps: []client.ProviderTestedStep{}}
	if err := c.CanWrite(ctx, who, named); err != nil {
		return out, err
	}
	random := make([]byte, 24)
	if _, err := io.ReadFull(c.opts.Random, random); err != nil {
		return out, fault.Wrap(fault.Failed, err, "random bytes")
	}
	ref := keeper.Ref{Name: "tacit-probe-" + hex.EncodeToString(random[:8]), Provider: named}
	value := hex.EncodeToString(random[8:])
	step := func(name string, do func() error) {
		began := c.opts.World.Now()
		err := do()
		s := client.ProviderTestedStep{Step: name, OK: err == nil, LatencyMS: float64(c.opts.World.Now().Sub(began).Microseconds()) / 1000}
		if err != nil {
			text := err.Error()
			s.Detail, out.OK = &text, false
		}
		out.Steps = append(out.Steps, s)
	}
	step("write", func() error {
		_, err := c.Set(ctx, who, keeper.SetRequest{Ref: ref, Value: secret.New([]byte(value)), Via: "set", MustBeNew: true})
		return err
	})
	if out.OK {
		step("read", func() error {
			got, err := c.Get(ctx, who, keeper.GetRequest{Ref: ref, Door: "provider test"})
			defer got.Value.Wipe()
			if err == nil && string(got.Value.Reveal()) != value {
				err = provider.Errorf(fault.Conflict, named, "the probe reads back as another value than was written")
			}
			return err
		})
	}
	// Also when writing failed: it may have happened. Then it is not there to be removed, which is fine.
	wrote := out.OK || len(out.Steps) > 1
	ctx = context.WithoutCancel(ctx)
	if wrote {
		step("delete", func() error { return c.removeProbe(ctx, who, ref) })
	} else if err := c.removeProbe(ctx, who, ref); err == nil {
		text := fmt.Sprintf("the probe %s was there all the same, and was removed", ref.Name)
		out.Steps = append(out.Steps, client.ProviderTestedStep{Step: "delete", OK: true, Detail: &text})
	}
	out.Total = len(out.Steps)
	return out, nil
}

func (c *Chain) removeProbe(ctx context.Context, who keeper.Caller, ref keeper.Ref) error {
	_, err := c.Remove(ctx, who, keeper.RemoveRequest{Names: []string{ref.Name}, Provider: ref.Provider})
	return err
}
