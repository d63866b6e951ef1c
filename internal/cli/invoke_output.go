package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/wire"
)

// maxPrinted bounds an answer that is printed as a whole, in bytes.
const maxPrinted = 64 << 20

// printAnswer prints the answer of a service, and closes it.
func (a *app) printAnswer(ctx context.Context, used *keeper.Used, f *invokeFlags, began time.Time) error {
	defer func() { _ = used.Body.Close() }()
	if f.format == "raw" {
		return a.printRaw(used, f)
	}
	body, err := io.ReadAll(io.LimitReader(used.Body, maxPrinted+1))
	_ = used.Body.Close()
	switch {
	case err != nil:
		return brokeOff(ctx, err)
	case len(body) > maxPrinted:
		return fault.New(fault.Failed, "%s: the answer has more than 64 MiB", used.Capability).About(used.Capability).WithFix("take it as it is: tacit invoke %s -o FILE", used.Capability)
	}
	if f.format == "json" {
		shaped := wire.FromInvoked(used, body, time.Since(began))
		if f.output == "" {
			return a.out.JSON(shaped)
		}
		return a.writeOut(f.output, func(w io.Writer) error {
			b, err := encodeJSON(shaped, false)
			if err == nil {
				_, err = w.Write(b)
			}
			return err
		})
	}
	text := f.markdown(body)
	if f.output == "" {
		a.out.Bytes([]byte(text))
		return nil
	}
	return a.writeOut(f.output, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// printRaw passes the body on as it comes.
func (a *app) printRaw(used *keeper.Used, f *invokeFlags) error {
	if f.output != "" {
		return a.writeOut(f.output, func(w io.Writer) error {
			_, err := io.Copy(w, used.Body)
			return err
		})
	}
	b := make([]byte, 32<<10)
	last := byte('\n')
	for {
		n, err := used.Body.Read(b)
		if n > 0 {
			a.out.Bytes(b[:n])
			last = b[n-1]
			if ferr := a.out.flush(); ferr != nil {
				return fault.Wrap(fault.Failed, ferr, "write to standard output")
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			if a.out.toTerminal && last != '\n' {
				a.out.Line("")
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// brokeOff is the error of an answer that ended too early.
func brokeOff(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
