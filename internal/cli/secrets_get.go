package cli

import (
	"encoding/base64"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/secret"
)

func (a *app) getCommand() *cobra.Command {
	var (
		toClipboard, optionalFlag, expired, asBase64 bool
		clearAfter                                   string
	)
	c := &cobra.Command{
		Use: "get NAME[@VERSION][#FIELD]", Short: "Print a value",
		Long: `Print a value: followed by a newline on a terminal, else exactly its bytes.

@VERSION is a number or "previous"; #FIELD picks a field of a JSON or YAML value.`,
		Example: "tacit get db.password\ntacit get db.password@previous\ntacit get db.password --copy",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ref, field, err := a.ref(args[0])
			if err != nil {
				return err
			}
			var after time.Duration
			if clearAfter != "0" {
				if after, err = mustDuration("--clear-after", clearAfter); err != nil {
					return err
				}
			}
			k, err := a.keeper()
			if err != nil {
				return err
			}
			got, err := k.Get(c.Context(), a.callerOf(k), keeper.GetRequest{Ref: ref, Field: field, IncludeExpired: expired, Door: "get"})
			switch {
			case optionalFlag && errors.Is(err, fault.NotFound):
				return nil
			case err != nil:
				return err
			case toClipboard:
				return a.copyValue(c.Context(), args[0], encoded(got.Value, asBase64), after)
			}
			return a.printValue(got, asBase64)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&toClipboard, "copy", false, "to the clipboard, and print nothing")
	fl.StringVar(&clearAfter, "clear-after", "45s", "clear the clipboard after `D` if it still holds the value; 0 for never")
	fl.BoolVar(&optionalFlag, "optional", false, "if there is no such secret: no output, exit 0")
	fl.BoolVar(&expired, "include-expired", false, "also if it is expired")
	fl.BoolVar(&asBase64, "base64", false, "print it as base64")
	return c
}

// printValue writes what get was asked for.
func (a *app) printValue(got keeper.Read, asBase64 bool) error {
	if a.flags.json {
		text, b64 := textOrBase64(got.Value, asBase64)
		s := got.Secret
		return a.out.JSON(client.Got{
			Name: s.Name, Provider: s.Provider, Scope: s.Scope, Version: got.Version, Field: optional(got.Field), Value: text, ValueBase64: b64,
		})
	}
	a.out.Bytes(encoded(got.Value, asBase64).Reveal())
	if a.out.toTerminal {
		a.out.Bytes([]byte("\n"))
	}
	return nil
}

// encoded returns v, or its base64.
func encoded(v secret.Value, asBase64 bool) secret.Value {
	if !asBase64 {
		return v
	}
	return secret.New(base64.StdEncoding.AppendEncode(nil, v.Reveal()))
}
