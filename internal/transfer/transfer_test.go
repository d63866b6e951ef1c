package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/secret"
)

var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// stream hides that a reader can seek.
type stream struct{ io.Reader }

// readAll reads a whole file.
func readAll(format string, r io.Reader, opts Options) ([]keeper.ImportEntry, []client.ImportWarning, error) {
	opts.Now = now
	in, err := NewReader(format, r, opts)
	if err != nil {
		return nil, nil, err
	}
	var list []keeper.ImportEntry
	for {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			if _, again := in.Next(); !errors.Is(again, io.EOF) {
				return list, in.Warnings(), fmt.Errorf("after the end: %w", again)
			}
			return list, in.Warnings(), nil
		}
		if err != nil {
			return list, in.Warnings(), err
		}
		list = append(list, e)
	}
}

// summary writes an entry in one line, values quoted.
func summary(e keeper.ImportEntry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s=%q %s", e.Name, e.Value.Reveal(), e.From)
	add := func(key string, set bool, v any) {
		if set {
			fmt.Fprintf(&b, " %s=%v", key, v)
		}
	}
	add("scope", e.Scope != "", e.Scope)
	add("tags", len(e.Tags) > 0, e.Tags)
	add("aliases", len(e.Aliases) > 0, e.Aliases)
	if e.ExpiresAt != nil {
		add("expires", true, e.ExpiresAt.Format(time.RFC3339))
	}
	if e.RotateEvery != nil {
		add("rotate", true, *e.RotateEvery)
	}
	if e.Note != nil {
		add("note", true, *e.Note)
	}
	if e.OwnedBy != nil {
		add("owner", true, *e.OwnedBy)
	}
	if e.Sealed != nil {
		add("sealed", true, *e.Sealed)
	}
	add("service", e.Service != "", e.Service)
	add("from", e.RenamedFrom != "", e.RenamedFrom)
	add("invalid", e.Invalid != "", e.Invalid)
	return b.String()
}

func summaries(list []keeper.ImportEntry, warnings []client.ImportWarning) string {
	var b strings.Builder
	for _, e := range list {
		b.WriteString(summary(e) + "\n")
	}
	for _, w := range warnings {
		fmt.Fprintf(&b, "%s at line %d: %s\n", w.Code, w.Line, w.Text)
	}
	return b.String()
}

// A goodCase is a file and what it holds, in the form of summaries. Each is read from a seeker and from a stream.
type goodCase struct{ name, in, want string }

func checkGood(t *testing.T, format string, cases []goodCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), stream{strings.NewReader(c.in)}, strings.NewReader("\ufeff" + c.in)} {
				list, warnings, err := readAll(format, r, Options{})
				if err != nil {
					t.Fatalf("%T: %v", r, err)
				}
				if got, want := summaries(list, warnings), strings.TrimLeft(c.want, "\n"); got != want {
					t.Errorf("%T: got\n%s\nwant\n%s", r, got, want)
				}
			}
		})
	}
}

// A badCase is a file that cannot be read, and the beginning of what is said about it.
type badCase struct{ name, in, want string }

// canary stands for a secret in files that are broken; no error may show it.
const canary = "hunter2canary"

func checkBad(t *testing.T, format string, cases []badCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := readAll(format, strings.NewReader(c.in), Options{})
			if !errors.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("%v (%s), want %q", err, fault.CodeOf(err), c.want)
			}
			var e *fault.Error
			if errors.As(err, &e) && strings.Contains(err.Error()+e.Fix+e.Object, canary) {
				t.Errorf("the error shows a value: %v", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
		})
	}
}

func exported(name, scope string, value []byte) keeper.Exported {
	return keeper.Exported{
		Secret: client.Secret{ID: "s_1", Name: name, Provider: "local", Scope: scope, Version: 1, Versions: 1, State: "active", Exposure: "readable", CreatedAt: now, UpdatedAt: now},
		Value:  secret.New(value),
	}
}

func write(format string, o WriteOptions, list ...keeper.Exported) (string, error) {
	var out bytes.Buffer
	o.Now = now
	w, err := NewWriter(format, &out, o)
	if err != nil {
		return "", err
	}
	for _, x := range list {
		if err := w.Write(x); err != nil {
			return out.String(), err
		}
	}
	err = w.Close()
	return out.String(), err
}
