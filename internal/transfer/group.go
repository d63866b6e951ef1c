package transfer

import (
	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// A revealed is a secret with its value, ready to be written as a member of a JSON or YAML document.
type revealed struct {
	secret client.Secret
	value  []byte
}

// plain reports whether the value is all that an import needs to know.
func (r revealed) plain() bool {
	s := r.secret
	return s.Scope == "global" && len(s.Tags)+len(s.Aliases) == 0 && s.ExpiresAt == nil && s.RotateEvery == nil && s.Note == nil && s.Owner == nil
}

// A memberWriter writes the members of a document of values: one a name.
type memberWriter interface {
	// member writes all scopes of one name.
	member(scopes []revealed) error
	end() error
}

// grouper is the [Writer] that gathers the scopes of a name for a memberWriter.
type grouper struct {
	to      memberWriter
	pending []revealed // of one name
	written seen
}

func newGrouper(to memberWriter) *grouper { return &grouper{to: to, written: newSeen()} }

// Write implements [Writer].
func (g *grouper) Write(x keeper.Exported) error {
	v, ok, err := value(x)
	if err != nil || !ok {
		return err
	}
	if len(g.pending) > 0 && g.pending[0].secret.Name != x.Secret.Name {
		if err := g.flush(); err != nil {
			return err
		}
	}
	if len(g.pending) == 0 && !g.written.add(x.Secret.Name) {
		return fault.New(fault.Conflict, "%s came twice, with other secrets between", x.Secret.Name).About(x.Secret.Name)
	}
	g.pending = append(g.pending, revealed{x.Secret, v})
	return nil
}

func (g *grouper) flush() error {
	if len(g.pending) == 0 {
		return nil
	}
	err := g.to.member(g.pending)
	clear(g.pending)
	g.pending = g.pending[:0]
	return err
}

// Close implements [Writer].
func (g *grouper) Close() error {
	if err := g.flush(); err != nil {
		return err
	}
	return g.to.end()
}
