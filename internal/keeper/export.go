package keeper

import (
	"context"
	"fmt"
	"strings"

	"tacit/internal/audit"
	"tacit/internal/fault"
	"tacit/internal/order"
	"tacit/internal/secret"
	"tacit/internal/vault"
)

// Export calls each with every secret that r selects, by name. Values come only if they are asked for, and never of sealed
// secrets (I11). each is called after the decision was recorded.
func (k *Keeper) Export(ctx context.Context, c Caller, r ExportRequest, each func(Exported) error) (out ExportSummary, err error) {
	if err := k.presence(ctx, c); err != nil {
		return out, err
	}
	selects, err := selector(c, ListRequest{Scope: r.Scope, AllScopes: r.Scope == "" && c.Owner && c.Workspace == "", IncludeExpired: true})
	if err != nil {
		return out, err
	}
	var selected []*vault.Secret
	err = k.read(ctx, c, func(v *query) (*decision, error) {
		err := vault.Select(v.Reader, func(s *vault.Secret) (*vault.Secret, bool) {
			if !strings.HasPrefix(s.Name, r.Prefix) || !selects(s) {
				return nil, false
			}
			return s.Clone(), true
		}, func(s *vault.Secret) error {
			selected = append(selected, s)
			return nil
		})
		if err == nil && len(selected) == 0 {
			err = fault.New(fault.Failed, "there is nothing to export").WithFix("tacit list")
		}
		return k.exportDecision(r, selected), err
	})
	if err != nil {
		return out, err
	}
	order.By(selected, func(a, b *vault.Secret) int {
		return strings.Compare(a.Name+"\x00"+string(a.Scope), b.Name+"\x00"+string(b.Scope))
	})
	out.Total = len(selected)
	// Each value is read again in its own short view, so that a slow reader of the export keeps nobody from writing. What was
	// decided and recorded are these versions.
	for _, s := range selected {
		e := Exported{Secret: k.shape(s)}
		switch {
		case r.Values && s.Sealed:
			out.SealedOut++
		case r.Values:
			err := k.vault.View(ctx, func(v *vault.Reader) error {
				value, err := v.Value(s)
				e.Value = secret.New(value)
				return err
			})
			if err != nil {
				return out, err
			}
		}
		if err := each(e); err != nil {
			return out, err
		}
		e.Value.Wipe()
	}
	return out, nil
}

// exportDecision records an export: one look at everything or, when values are given out, who saw each of them.
func (k *Keeper) exportDecision(r ExportRequest, selected []*vault.Secret) *decision {
	d := decide(audit.Record{Action: "list", Object: k.vaultObject(), Reason: fmt.Sprintf("export of %d secrets", len(selected))})
	if !r.Values {
		return d
	}
	var seen []audit.Object
	for _, s := range selected {
		if !s.Sealed {
			seen = append(seen, object(s, s.Version))
		}
	}
	if len(seen) > 0 {
		d.Action, d.Object, d.more = "read", seen[0], seen[1:]
	}
	return d
}
