package backup

import (
	"tacit/internal/fault"
	"tacit/internal/transfer/jsonstream"
)

// Policies say who else may do what. What the texts mean is for those who know policies.
type Policies struct {
	Own    string  // Cedar, the owner's own; empty for none
	Grants []Grant // in the order of their numbers
}

// Grant is one rule that a principal was given.
type Grant struct {
	ID, Principal, Rule string
}

// Policies sets what Close writes after the secrets.
func (w *Writer) Policies(p Policies) { w.policies = p }

// writePolicies builds the list: the own text, if there is one, as {"cedar":"…"}, then one object a grant.
func (w *Writer) writePolicies() error {
	b := &w.b
	b.Reset()
	b.Open('[')
	if w.policies.Own != "" {
		b.Open('{')
		b.Key("cedar")
		b.Text(w.policies.Own)
		b.Close('}')
	}
	if text, _ := b.Built(); len(text) > jsonstream.MaxToken {
		return fault.New(fault.Failed, "the policies are longer than a backup can hold")
	}
	for _, g := range w.policies.Grants {
		b.Open('{')
		for _, f := range [][2]string{{"id", g.ID}, {"principal", g.Principal}, {"rule", g.Rule}} {
			b.Key(f[0])
			b.Text(f[1])
		}
		b.Close('}')
	}
	b.Close(']')
	return nil
}

// Policies returns what stands after the secrets, once Next has returned io.EOF.
func (b *Reader) Policies() Policies { return b.policies }

// maxGrants bounds the grants of a backup (I08).
const maxGrants = 100_000

func (b *Reader) readPolicies() error {
	d := b.d
	if err := d.Open('[', "policies"); err != nil {
		return err
	}
	for first := true; ; first = false {
		d.Budget(2 * jsonstream.MaxToken)
		if more, err := d.More(); err != nil || !more {
			return err
		}
		if len(b.policies.Grants) == maxGrants {
			return d.Errorf("it has more than %d grants", maxGrants)
		}
		if err := d.Open('{', "a policy"); err != nil {
			return err
		}
		field, err := d.Key()
		if err != nil {
			return err
		}
		if field == "cedar" && first {
			b.policies.Own, err = d.Text("cedar")
		} else {
			var g Grant
			g, err = b.readGrant(field)
			b.policies.Grants = append(b.policies.Grants, g)
		}
		if err != nil {
			return err
		}
		if more, err := d.More(); err != nil || more {
			if err == nil {
				err = d.Errorf("a policy has a field too many")
			}
			return err
		}
	}
}

// readGrant reads a grant whose first key was read.
func (b *Reader) readGrant(key string) (g Grant, err error) {
	if key != "id" {
		return g, b.d.Errorf("expected the field id")
	}
	if g.ID, err = b.d.Text("id"); err != nil {
		return g, err
	}
	for _, f := range []struct {
		key string
		to  *string
	}{{"principal", &g.Principal}, {"rule", &g.Rule}} {
		if err := b.key(f.key); err != nil {
			return g, err
		}
		if *f.to, err = b.d.Text(f.key); err != nil {
			return g, err
		}
	}
	if !b.first("grant", g.ID) {
		return g, b.d.Errorf("duplicate id of a grant")
	}
	return g, nil
}
