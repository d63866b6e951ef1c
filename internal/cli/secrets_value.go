package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"runtime"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/secret"
)

// maxInput bounds what is read as a value: base64 of the longest one, with line ends. Keeper judges the value itself.
const maxInput = 128 << 10

// valueFlags say where a new value comes from.
type valueFlags struct {
	fromFile string
	base64   bool
	raw      bool
}

func (f *valueFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.fromFile, "from-file", "", "read the value from `F`, every byte of it (- for standard input)")
	fl.BoolVar(&f.base64, "base64", false, "the value is given as base64")
	fl.BoolVar(&f.raw, "raw", false, "keep the newline at the end of standard input")
}

// value reads a new value for the secret name: from args, if there is one, a file, standard input or, on a terminal, a hidden prompt.
func (a *app) value(name string, args []string, f valueFlags) (secret.Value, error) {
	b, err := a.input(name, args, f)
	if err != nil {
		return secret.Value{}, err
	}
	if f.base64 {
		if b, err = decodeBase64(b); err != nil {
			return secret.Value{}, fault.New(fault.Invalid, "%s: the value is not base64", name).About(name)
		}
	}
	if len(b) == 0 {
		return secret.Value{}, fault.New(fault.Invalid, "%s: the value is empty", name).About(name).WithFix("a value is 1 byte to 64 KiB")
	}
	return secret.New(b), nil
}

// asks reports whether the value will be asked for on the terminal.
func (a *app) asks(args []string, f valueFlags) bool {
	return f.fromFile == "" && len(args) == 0 && isTerminal(a.world.Stdin)
}

// openBeforeAsking opens the vault of this machine, if it is there and locked, when a value will be asked for: what is typed must not be
// lost because a passphrase is wrong, and the first question is what everybody expects first.
func (a *app) openBeforeAsking(ctx context.Context, args []string, f valueFlags) error {
	if !a.asks(args, f) {
		return nil
	}
	k, err := a.vaultKeeper()
	if err != nil {
		return err
	}
	own, here := k.(Vault)
	if !here || a.otherNamed {
		return nil
	}
	err = own.HandOver(ctx, func([]byte, string) error { return nil })
	if errors.Is(err, fault.NoVault) {
		return nil // it is made with the first value
	}
	return err
}

// input reads the bytes that were given.
func (a *app) input(name string, args []string, f valueFlags) ([]byte, error) {
	stdin := f.fromFile == "-" || f.fromFile == "" && len(args) == 1 && args[0] == "-"
	switch {
	case f.fromFile != "" && len(args) > 0:
		return nil, fault.New(fault.Usage, "%s: the value is given twice: as an argument and with --from-file", name).About(name)
	case stdin, f.fromFile == "" && len(args) == 0 && !a.asks(args, f):
		b, err := readBounded(a.world.Stdin, name)
		if err == nil && !f.raw {
			b = trimNewline(b)
		}
		return b, err
	case f.fromFile != "":
		file, err := openInput(f.fromFile)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		return readBounded(file, f.fromFile)
	case len(args) > 0:
		a.argumentNotice()
		return []byte(args[0]), nil
	}
	t, err := openTerminal()
	if err != nil {
		return nil, fault.New(fault.Usage, "%s: there is no terminal to ask for the value on", name).About(name).WithFix("pipe it in, or --from-file F")
	}
	defer t.close()
	v, err := t.hidden("Value of " + name + ": ")
	return v.Reveal(), promptError(err)
}

// readBounded reads all of r. what is named in the error when it is more than any value can be.
func readBounded(r io.Reader, what string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	switch {
	case err != nil:
		return nil, paths.Explain(err, what, "read %s", what)
	case len(b) > maxInput:
		return nil, fault.New(fault.Invalid, "%s: the value is longer than 64 KiB", what).About(what)
	}
	return b, nil
}

// trimNewline removes one newline from the end. On Windows that is what echo writes there.
func trimNewline(b []byte) []byte {
	b, cut := bytes.CutSuffix(b, []byte("\n"))
	if cut && runtime.GOOS == "windows" {
		b = bytes.TrimSuffix(b, []byte("\r"))
	}
	return b
}

// decodeBase64 takes the standard alphabet and the one for URLs, with or without padding, in lines or not.
func decodeBase64(b []byte) ([]byte, error) {
	text := bytes.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', ' ', '\t':
			return -1
		case '-':
			return '+'
		case '_':
			return '/'
		}
		return r
	}, b)
	text = bytes.TrimRight(text, "=")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	n, err := base64.RawStdEncoding.Decode(out, text)
	return out[:n], err
}

// textOrBase64 returns a value as the two fields that JSON has for it: text if it is UTF-8 and base64 was not asked for.
func textOrBase64(v secret.Value, asBase64 bool) (text, encoded *string) {
	if b := v.Reveal(); utf8.Valid(b) && !asBase64 {
		s := string(b)
		return &s, nil
	}
	s := base64.StdEncoding.EncodeToString(v.Reveal())
	return nil, &s
}
