package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/keeper"
	"tacit/internal/secret"
)

func (a *app) showCommand() *cobra.Command {
	var reveal bool
	c := &cobra.Command{
		Use: "show NAME", Short: "Show everything about a secret but its value",
		Long: `Show everything about a secret but its value, which is masked: eight stars and, where that gives nothing away, the last three
characters. --reveal shows it.`,
		Example: "tacit show db.password\ntacit show db.password --reveal",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return a.show(c.Context(), args[0], reveal) },
	}
	c.Flags().BoolVar(&reveal, "reveal", false, "show the value too")
	return c
}

func (a *app) show(ctx context.Context, arg string, reveal bool) error {
	ref, err := a.plainRef(arg)
	if err != nil {
		return err
	}
	k, err := a.keeper()
	if err != nil {
		return err
	}
	shown, err := k.Show(ctx, a.caller(), ref)
	if err != nil {
		return err
	}
	card := client.Card{Secret: shown.Secret, Masked: shown.Masked}
	var value secret.Value
	if reveal {
		got, err := k.Get(ctx, a.caller(), keeper.GetRequest{Ref: ref, IncludeExpired: true, Door: "show --reveal"})
		if err != nil {
			return err
		}
		value = got.Value
		card.Value, card.ValueBase64 = textOrBase64(value, false)
	}
	if a.flags.json {
		return a.out.JSON(card)
	}
	a.printCard(card)
	return nil
}

func (a *app) printCard(c client.Card) {
	s := c.Secret
	value, below := "********", ""
	switch {
	case c.Value != nil && visible(*c.Value) == *c.Value:
		value = *c.Value
	case c.Value != nil: // more than a line: as it is, where it hides no field of the card
		value, below = "(below)", *c.Value
	case c.ValueBase64 != nil:
		value = *c.ValueBase64 + " (base64)"
	case s.Exposure == "sealed":
		value = "(sealed)"
	case c.Masked != nil:
		value = *c.Masked
	}
	version := versionOf(s.Version, s.StoreVersion)
	if s.Versions > 1 {
		version += " (" + itoa(s.Versions) + " kept)"
	}
	rotation := deref(s.RotateEvery)
	if rotation != "" {
		rotation = "every " + rotation
	}
	a.out.Card(
		[2]string{"name", s.Name},
		[2]string{"provider", s.Provider},
		[2]string{"version", version},
		[2]string{"value", value},
		[2]string{"created", moment(&s.CreatedAt)},
		[2]string{"updated", moment(&s.UpdatedAt)},
		[2]string{"expires", expiry(s)},
		[2]string{"rotation", rotation},
		[2]string{"scope", s.Scope},
		[2]string{"groups", strings.Join(s.Groups, ", ")},
		[2]string{"tags", strings.Join(s.Tags, ", ")},
		[2]string{"aliases", strings.Join(s.Aliases, ", ")},
		[2]string{"exposure", s.Exposure},
		[2]string{"pin", deref(s.Pin)},
		[2]string{"owner", deref(s.Owner)},
		[2]string{"note", deref(s.Note)},
	)
	if below != "" {
		a.out.Line("\n%s", strings.TrimSuffix(below, "\n"))
	}
}

// expiry is when a secret expires, for eyes, and whether that is now.
func expiry(s client.Secret) string {
	at := moment(s.ExpiresAt)
	if at != "" && s.State != "active" {
		at += " (" + s.State + ")"
	}
	return at
}
