package chain

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"sync"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/provider"
)

// copyBatch is how many secrets are read together.
const copyBatch = 100

// CopyRequest says what to copy from one provider to another.
type CopyRequest struct {
	From, To   string
	Pattern    string // glob over names; empty for all
	Scope      string // of the vault's secrets; empty: all that the caller is in
	DryRun     bool
	OnConflict string // what to do with another value that is there: fail (nothing is written), skip, version
	Progress   keeper.Progress
}

// Copy copies current values. It may be repeated: what is there with the same value is left alone. Every value that was written is read
// again and compared. With an error, what is in the answer was done.
func (c *Chain) Copy(ctx context.Context, who keeper.Caller, r CopyRequest) (client.Copied, error) {
	out := client.Copied{From: r.From, To: r.To, DryRun: r.DryRun, Secrets: []client.CopiedOne{}}
	if err := c.checkCopy(ctx, who, r); err != nil {
		return out, err
	}
	all, err := c.List(ctx, who, keeper.ListRequest{Provider: r.From, Pattern: r.Pattern, Scope: r.Scope})
	if err == nil {
		err = oneOfEach(all.Secrets)
	}
	if err != nil {
		return out, err
	}
	for part := range slices.Chunk(all.Secrets, copyBatch) {
		planned, err := c.planCopy(ctx, who, r, part)
		if err != nil {
			return out, err
		}
		out.Secrets = append(out.Secrets, planned...)
	}
	conflict := slices.IndexFunc(out.Secrets, func(one client.CopiedOne) bool { return one.Action == "conflict" })
	switch fails := r.OnConflict == "fail" || r.OnConflict == ""; {
	case r.DryRun:
	case fails && conflict >= 0:
		n := out.Secrets[conflict].Name
		err = provider.Errorf(fault.Exists, r.To, "%s is there with another value; nothing was copied", n).About(n).
			WithFix("--on-conflict skip leaves it, --on-conflict version adds a version")
	default:
		err = c.doCopy(ctx, who, r, all.Secrets, out.Secrets)
	}
	for _, one := range out.Secrets {
		out.Counts.Count(one.Action)
	}
	out.Total = len(out.Secrets)
	return out, err
}

// oneOfEach refuses two secrets of one name, which the vault has in several scopes: the other side has one place for both. They are in
// the order of their names.
func oneOfEach(all []client.Secret) error {
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; a.Name == b.Name {
			return fault.New(fault.Conflict, "%s is there in %s and in %s; nothing was copied", a.Name, a.Scope, b.Scope).About(a.Name).
				WithFix("copy those of one scope: --scope %s", a.Scope)
		}
	}
	return nil
}

func (c *Chain) checkCopy(ctx context.Context, who keeper.Caller, r CopyRequest) error {
	switch r.OnConflict {
	case "", "fail", "skip", "version":
	default:
		return fault.New(fault.Usage, "--on-conflict is fail, skip or version")
	}
	if r.From == r.To {
		return fault.New(fault.Usage, "from %s to itself there is nothing to copy", r.From).About(r.From)
	}
	if _, err := c.member(r.From); err != nil {
		return err
	}
	return c.CanWrite(ctx, who, r.To)
}

// planCopy says what would be done with some secrets.
func (c *Chain) planCopy(ctx context.Context, who keeper.Caller, r CopyRequest, secrets []client.Secret) ([]client.CopiedOne, error) {
	from, to := make([]keeper.GetRequest, len(secrets)), make([]keeper.GetRequest, len(secrets))
	for i, s := range secrets {
		from[i] = keeper.GetRequest{Ref: keeper.Ref{Name: s.Name, Scope: s.Scope, Provider: r.From}, Door: "provider copy"}
		to[i] = keeper.GetRequest{Ref: keeper.Ref{Name: s.Name, Provider: r.To}, IncludeExpired: true, Door: "provider copy"}
	}
	have, there := c.getAll(ctx, who, from), c.getAll(ctx, who, to)
	defer wipe(have)
	defer wipe(there)
	out := make([]client.CopiedOne, len(secrets))
	for i, s := range secrets {
		one := client.CopiedOne{Name: s.Name, Lost: lost(s, r.To)}
		skip := func(action, why string) { one.Action, one.Reason = action, &why }
		switch err := have[i].Err; {
		case errors.Is(err, fault.Sealed):
			skip("skip", "it is sealed")
		case errors.Is(err, fault.Expired):
			skip("skip", "it has expired")
		case errors.Is(err, fault.NotFound):
			skip("skip", "it is gone")
		case err != nil:
			return nil, err
		case errors.Is(there[i].Err, fault.NotFound):
			one.Action = "create"
		case errors.Is(there[i].Err, fault.Sealed):
			skip("conflict", "it is there, and sealed")
		case there[i].Err != nil:
			return nil, there[i].Err
		case equal(have[i], there[i]):
			one.Action = "same"
		case r.OnConflict == "skip":
			skip("skip", "it is there with another value")
		case r.OnConflict == "version":
			one.Action = "version"
		default:
			skip("conflict", "it is there with another value")
		}
		out[i] = one
	}
	return out, nil
}

// doCopy writes what is planned for the secrets, a few at a time, and ends with the first error.
func (c *Chain) doCopy(ctx context.Context, who keeper.Caller, r CopyRequest, secrets []client.Secret, plan []client.CopiedOne) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		done    int
	)
	next := make(chan int)
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				err := ctx.Err()
				if err == nil {
					err = c.copyOne(ctx, who, r, secrets[i])
				}
				if err != nil {
					text := err.Error()
					plan[i].Action, plan[i].Reason = "failed", &text
					stop(err)
				}
				mu.Lock()
				if done++; r.Progress != nil {
					r.Progress(done, len(plan))
				}
				mu.Unlock()
			}
		})
	}
	for i := range plan {
		if plan[i].Action == "create" || plan[i].Action == "version" {
			next <- i
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// copyOne writes one value, and reads it again.
func (c *Chain) copyOne(ctx context.Context, who keeper.Caller, r CopyRequest, s client.Secret) error {
	n := s.Name
	got, err := c.Get(ctx, who, keeper.GetRequest{Ref: keeper.Ref{Name: n, Scope: s.Scope, Provider: r.From}, Door: "provider copy"})
	if err != nil {
		return err
	}
	defer got.Value.Wipe()
	set := keeper.SetRequest{Ref: keeper.Ref{Name: n, Provider: r.To}, Value: got.Value, Via: "import"}
	if r.To == keeper.Local {
		set.Tags, set.ExpiresAt = got.Secret.Tags, got.Secret.ExpiresAt
	}
	w, err := c.Set(ctx, who, set)
	if err != nil || w.Secret.Exposure == "sealed" { // what the vault sealed by its name cannot be read again
		return err
	}
	again, err := c.Get(ctx, who, keeper.GetRequest{Ref: keeper.Ref{Name: n, Provider: r.To}, IncludeExpired: true, Door: "provider copy"})
	defer again.Value.Wipe()
	switch {
	case err != nil:
		return err
	case !equal(keeper.Answer{Read: got}, keeper.Answer{Read: again}):
		return provider.Errorf(fault.Conflict, r.To, "%s reads back as another value than was written", n).About(n)
	}
	return nil
}

func equal(a, b keeper.Answer) bool {
	return subtle.ConstantTimeCompare(a.Value.Reveal(), b.Value.Reveal()) == 1
}

func wipe(all []keeper.Answer) {
	for _, a := range all {
		a.Value.Wipe()
	}
}

// lost lists the metadata of a secret that another provider than the vault cannot hold.
func lost(s client.Secret, to string) []string {
	out := []string{}
	if to == keeper.Local {
		return out
	}
	for _, x := range []struct {
		there bool
		name  string
	}{
		{len(s.Tags) > 0, "tags"},
		{len(s.Aliases) > 0, "aliases"},
		{len(s.Groups) > 0, "groups"},
		{s.Note != nil, "note"},
		{s.Owner != nil, "owner"},
		{s.ExpiresAt != nil, "expires_at"},
		{s.RotateEvery != nil, "rotate_every"},
		{s.Versions > 1, "versions"},
	} {
		if x.there {
			out = append(out, x.name)
		}
	}
	return out
}
