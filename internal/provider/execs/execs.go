package execs

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/provider"
	"tacit/internal/provider/program"
	"tacit/internal/secret"
)

type asker struct {
	name     string // of the provider
	readOnly bool
	program  *program.Program
	debug    func(string, ...any)
}

// Make makes the provider of kind exec.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	s := spec.Settings
	p := &asker{name: spec.Name, readOnly: s.Flag("read_only", true), debug: w.Debug}
	argv := s.Texts("command")
	switch {
	case len(argv) == 0 || argv[0] == "":
		s.Wrong("command", "command is a list of a program and its arguments, such as [/usr/local/bin/my-store, --team, web]")
	case strings.ContainsAny(argv[0], `/\`):
		argv[0] = w.Path(s, argv[0])
	}
	p.program = &program.Program{Provider: spec.Name, Argv: argv, World: w, MaxOutput: maxAnswer}
	if s.Place.File != "" { // arguments that are files mean the same wherever tacit is called from
		p.program.Dir = w.Path(s, ".")
	}
	if err := s.Done(); err != nil {
		return nil, err
	}
	return p, nil
}

// Traits implements [provider.Provider].
func (p *asker) Traits() provider.Traits { return provider.Traits{Writable: !p.readOnly, Remote: true} }

// Close implements [provider.Provider].
func (p *asker) Close() error { return nil }

// ask runs the program once. The values are those of the request, which the program could repeat.
func (p *asker) ask(ctx context.Context, r request, values ...[]byte) (*answer, error) {
	r.Version = protocol
	in, err := json.Marshal(r)
	if err != nil {
		return nil, provider.Errorf(fault.Failed, p.name, "the request cannot be written")
	}
	result, err := p.program.Run(ctx, append(in, '\n'))
	clear(in)
	if err != nil {
		return nil, err
	}
	a, wrong := parse(result.Stdout)
	if result.Exit != 0 {
		if wrong == nil { // what it was about to hand out may stand in its complaint too
			for _, f := range a.Secrets {
				if v, err := f.value(); err == nil {
					values = append(values, v)
				}
			}
		}
		return nil, p.program.Failed(result, values...)
	}
	if wrong != nil {
		return nil, p.broken(wrong)
	}
	if a.Error != nil {
		return nil, p.problem(a.Error, r.Name, values...)
	}
	return a, nil
}

// broken is an answer that is none.
func (p *asker) broken(why error) *fault.Error {
	return provider.Errorf(fault.Unavailable, p.name, "%v", why).WithFix("mend the program: docs/providers/exec.md says what it must answer")
}

// problem is what the program says cannot be done. It can say that it lacks a secret only of one that has a name.
func (p *asker) problem(x *problem, secretName string, values ...[]byte) error {
	detail := program.Detail([]byte(x.Message), values...)
	if detail == "" {
		detail = "the program says no more"
	}
	code := class(x.Code)
	if code == fault.NotFound && secretName == "" {
		code = fault.Unavailable
	}
	if code == fault.NotFound {
		return provider.NotFound(p.name, secretName)
	}
	err := provider.Errorf(code, p.name, "%s", detail).About(secretName).WithFix("see what the program needs")
	if code == fault.Usage {
		return err.WithFix("this program does not do that")
	}
	return provider.WithRetryAfter(err, time.Duration(min(max(x.RetryAfter, 0), 24*3600))*time.Second)
}

// Read implements [provider.Provider].
func (p *asker) Read(ctx context.Context, secretName, version string) (provider.Item, error) {
	a := p.ReadMany(ctx, []provider.Asked{{Name: secretName, Version: version}})[0]
	return a.Item, a.Err
}

// ReadMany implements [provider.Batch]: the program is run once for all.
func (p *asker) ReadMany(ctx context.Context, asked []provider.Asked) []provider.Answer {
	answers := make([]provider.Answer, len(asked))
	var r request
	var at []int // where the answer to each that we ask for belongs
	for i, a := range asked {
		if answers[i].Err = provider.CheckName(p.name, a.Name); answers[i].Err == nil {
			r.Secrets = append(r.Secrets, wanted(a))
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return answers
	}
	r.Op = "read"
	a, err := p.ask(ctx, r)
	if err == nil {
		err = p.matches(a, r.Secrets)
	}
	for j, i := range at {
		if err != nil {
			answers[i].Err = err
			continue
		}
		answers[i] = p.one(a.Secrets[j])
	}
	return answers
}

// matches returns an error unless the answer is about what was asked for, one by one and in this order. One that is not could hand out
// the value of another secret or version.
func (p *asker) matches(a *answer, want []wanted) error {
	if len(a.Secrets) != len(want) {
		return p.broken(errAnother)
	}
	for i, f := range a.Secrets {
		v := want[i].Version
		if f.Name != want[i].Name || f.Error == nil && v != "" && v != provider.Previous && f.Version != v {
			return p.broken(errAnother)
		}
	}
	return nil
}

// one turns the answer about one secret around.
func (p *asker) one(f found) provider.Answer {
	if f.Error != nil {
		return provider.Answer{Err: p.problem(f.Error, f.Name)}
	}
	value, err := f.value()
	if err != nil {
		return provider.Answer{Err: p.broken(err).About(f.Name)}
	}
	if err := provider.CheckRead(p.name, f.Name, value); err != nil {
		return provider.Answer{Err: err}
	}
	it := f.item()
	it.Value = secret.New(value)
	return provider.Answer{Item: it}
}

// List implements [provider.Provider]. Names that cannot be a secret's are left out: a store may hold other things.
func (p *asker) List(ctx context.Context, each func(provider.Item) error) error {
	a, err := p.ask(ctx, request{Op: "list"})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, f := range a.Secrets {
		switch {
		case f.Error != nil:
			return p.problem(f.Error, "")
		case seen[f.Name]:
			return p.broken(errors.New("the list has a name twice"))
		case name.Problem(f.Name) != "":
			p.debug("what has no name of a secret is left out", "provider", p.name)
			continue
		}
		seen[f.Name] = true
		if err := each(f.item()); err != nil {
			return err
		}
	}
	return nil
}

// Write implements [provider.Provider].
func (p *asker) Write(ctx context.Context, secretName string, value secret.Value) (provider.Item, error) {
	if p.readOnly {
		return provider.Item{}, p.isReadOnly()
	}
	if err := provider.CheckWrite(p.name, secretName, value); err != nil {
		return provider.Item{}, err
	}
	r := request{Op: "write", Name: secretName}
	r.put(value)
	a, err := p.ask(ctx, r, value.Reveal())
	if err != nil {
		return provider.Item{}, p.notMissing(err)
	}
	if err := p.matches(a, []wanted{{Name: secretName}}); err != nil {
		return provider.Item{}, err
	}
	if x := a.Secrets[0].Error; x != nil {
		return provider.Item{}, p.notMissing(p.problem(x, secretName, value.Reveal()))
	}
	return a.Secrets[0].item(), nil
}

// notMissing: that a secret is not there is no reason not to write it.
func (p *asker) notMissing(err error) error {
	if errors.Is(err, fault.NotFound) {
		return p.broken(errors.New("the program says not_found about a secret that it is to write"))
	}
	return err
}

// Delete implements [provider.Provider].
func (p *asker) Delete(ctx context.Context, secretName string) (int, error) {
	if p.readOnly {
		return 0, p.isReadOnly()
	}
	if err := provider.CheckName(p.name, secretName); err != nil {
		return 0, err
	}
	a, err := p.ask(ctx, request{Op: "delete", Name: secretName})
	if err != nil {
		return 0, err
	}
	return max(a.Deleted, 0), nil
}

func (p *asker) isReadOnly() error {
	return provider.ReadOnly(p.name, "say read_only: false in the provider's settings, if the program can write")
}

// Health implements [provider.Provider].
func (p *asker) Health(ctx context.Context) error {
	_, err := p.ask(ctx, request{Op: "health"})
	return err
}
