package audit

// maxUses is how many uses wait for their end before the first of them is shown as it is.
const maxUses = 4096

// uses makes lines of uses and their ends, in the order in which they come to an end: many are under way at once, and one may last long.
type uses struct{ open []Record }

// next emits the line that r completes.
func (u *uses) next(r Record, emit func(Record) error) error {
	if r.Stage == Use {
		return u.hold(r, emit)
	}
	for i := range u.open {
		if u.open[i].Seq == r.Of {
			line := join(u.open[i], &r)
			u.open = append(u.open[:i], u.open[i+1:]...)
			return emit(line)
		}
	}
	return nil // of nothing that is there
}

// hold keeps a line until its end comes.
func (u *uses) hold(r Record, emit func(Record) error) error {
	u.open = append(u.open, r)
	if len(u.open) <= maxUses {
		return nil
	}
	first := u.open[0]
	u.open = u.open[1:]
	return emit(first)
}

// counted reports whether a change is a use that counted on a token, of a service or of a provider besides the vault: its end comes too.
func counted(r *Record) bool {
	switch r.Object.Kind {
	case "capability":
		return r.Action == "use" && r.Result == Allowed
	case "secret":
		return r.Provider != "" && r.Provider != "local" && r.Result == Allowed
	}
	return false
}

// flush emits those that have not come to an end.
func (u *uses) flush(emit func(Record) error) error {
	for _, r := range u.open {
		if err := emit(r); err != nil {
			return err
		}
	}
	u.open = nil
	return nil
}
