package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tacit/internal/fault"
)

func (a *app) historyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "history NAME", Short: "List the versions of a secret, newest first",
		Example: "tacit history db.password",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.history(c.Context(), args[0]) },
	}
}

func (a *app) history(ctx context.Context, arg string) error {
	ref, err := a.plainRef(arg)
	if err != nil {
		return err
	}
	k, err := a.keeper()
	if err != nil {
		return err
	}
	h, err := k.History(ctx, a.caller(), ref)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(h)
	}
	rows := make([][]string, 0, len(h.Versions))
	for _, v := range h.Versions {
		rows = append(rows, []string{
			versionOf(v.Version, v.StoreVersion), v.State, v.Via + number(" of ", v.FromVersion), v.Principal, moment(&v.CreatedAt), moment(v.ValidUntil), moment(v.ExpiresAt),
		})
	}
	a.out.Table([]string{"Version", "State", "Via", "Principal", "Created", "Valid until", "Expires"}, rows)
	return nil
}

func (a *app) rollbackCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rollback NAME@VERSION", Short: "Make an old version the current one again, as a new version",
		Example: "tacit rollback db.password@1",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ref, err := a.versionRef(args[0])
			if err != nil {
				return err
			}
			k, err := a.keeper()
			if err != nil {
				return err
			}
			changed, err := k.Rollback(c.Context(), a.caller(), ref)
			if err != nil {
				return err
			}
			return a.printChanged(changed)
		},
	}
}

func (a *app) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use: "diff NAME@A NAME@B", Short: "Say what differs between two versions, without their values",
		Example: "tacit diff db.password@1 db.password@2",
		Args:    cobra.ExactArgs(2),
		RunE:    func(c *cobra.Command, args []string) error { return a.diff(c.Context(), args[0], args[1]) },
	}
}

func (a *app) diff(ctx context.Context, first, second string) error {
	ref, field, err := a.ref(first)
	if err != nil {
		return err
	}
	other, otherField, err := a.ref(second)
	if err != nil {
		return err
	}
	if field != "" || otherField != "" {
		return fault.New(fault.Usage, "diff: versions as a whole, not fields of them").WithFix("leave out # and what follows")
	}
	if other.Name != ref.Name || other.Provider != ref.Provider {
		return fault.New(fault.Usage, "diff: versions of one secret, not of %s and %s", ref.Name, other.Name)
	}
	k, err := a.keeper()
	if err != nil {
		return err
	}
	d, err := k.Diff(ctx, a.caller(), ref, ref.Version, other.Version)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.out.JSON(d)
	}
	if d.SameValue {
		a.out.Line("The value is the same")
	} else {
		a.out.Line("The value differs")
	}
	if len(d.Fields) == 0 {
		return nil
	}
	rows := make([][]string, 0, len(d.Fields))
	for _, f := range d.Fields {
		rows = append(rows, []string{f.Field, fieldText(f.A), fieldText(f.B)})
	}
	a.out.Table([]string{"Field", d.Name + "@" + itoa(d.A), d.Name + "@" + itoa(d.B)}, rows)
	return nil
}

// fieldText is the value of a metadata field for eyes.
func fieldText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []string:
		return strings.Join(v, ", ")
	case *string:
		return deref(v)
	case *time.Time:
		return moment(v)
	}
	return fmt.Sprint(v)
}
