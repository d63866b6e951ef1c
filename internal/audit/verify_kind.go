package audit

import "errors"

// misfit tells what happened to a record that is whole in itself and does not follow the one before.
func (w *walk) misfit(ln *line) *Bad {
	want := w.follows.Seq + 1
	switch {
	case ln.Seq > want:
		return w.misplaced(w.i, w.lines.at, w.path)
	case ln.Seq < want:
		return &Bad{ln.Seq, Inserted, w.path}
	case w.fresh:
		return &Bad{want, Edited, w.path} // the header before it, or the record itself
	}
	// Two records that do not know each other. Whoever knows the key, or the records behind it, is the right one.
	if w.sealer != nil {
		if _, err := w.sealer.open(ln); err != nil {
			return &Bad{want, Edited, w.path}
		}
		return &Bad{want - 1, Edited, w.path}
	}
	if next, ok := w.peek(); ok && next.prev == ln.Hash {
		return &Bad{want - 1, Edited, w.path}
	}
	return &Bad{want, Edited, w.path}
}

// authentic opens a record that stands where it should, if there is a key.
func (w *walk) authentic(ln *line) *Bad {
	if w.sealer == nil {
		return nil
	}
	r, err := w.sealer.open(ln)
	if err != nil {
		// Somebody without the key made a record and computed all hashes anew. If the next one opens in this one's place,
		// this one was put before it.
		kind := Edited
		if next, ok := w.peek(); ok {
			next.Seq, next.prev = ln.Seq, ln.prev
			if _, err := w.sealer.open(&next); err == nil {
				kind = Inserted
			}
		}
		return &Bad{ln.Seq, kind, w.path}
	}
	if w.revisions != nil {
		if seq := w.revisions.beyond(&r); seq > 0 {
			return &Bad{seq, RolledBack, w.path}
		}
	}
	return nil
}

// peek returns the record behind the last line, if it is one that is whole in itself.
func (w *walk) peek() (line, bool) {
	b, err := newLines(w.f, w.lines.at, w.size).next()
	if err != nil {
		return line{}, false
	}
	ln, ok := newParser().record(b)
	return ln, ok && ln.Hash == ln.sum()
}

// misplaced tells what happened to the next record, which is not where it should be: in the i-th segment at the offset. The file
// is named as the place where it should be.
func (v *verifier) misplaced(i int, at int64, file string) *Bad {
	want := v.follows.Seq + 1
	for ; i < len(v.x.numbers); i, at = i+1, 0 {
		if v.standsIn(v.log.segmentPath(v.x.numbers[i]), at, want) {
			return &Bad{want, Reordered, file}
		}
	}
	return &Bad{want, Missing, file}
}

// standsIn looks for a record that is whole in itself.
func (v *verifier) standsIn(path string, at int64, seq uint64) bool {
	f, size, err := openRegular(path)
	if err != nil || f == nil {
		return false
	}
	defer f.Close()
	p, r := newParser(), newLines(f, at, size)
	for {
		b, err := r.next()
		if err != nil && !errors.Is(err, errLongLine) {
			return false
		}
		if ln, ok := p.record(b); ok && ln.Seq == seq && ln.Hash == ln.sum() {
			return true
		}
	}
}

// revisions notices records of a vault that is newer than the one there is now.
type revisions struct {
	now    uint64 // the vault's revision
	intent uint64 // seq of the first of the intents for the next revision, of which nothing more is known yet; 0: none
}

// beyond returns the seq of the change that r proves to have happened after the vault's revision, or 0.
func (v *revisions) beyond(r *Record) uint64 {
	if r.Stage == Intent && r.Revision == v.now+1 {
		if v.intent == 0 {
			v.intent = r.Seq
		}
		return 0
	}
	intent := v.intent
	v.intent = 0
	switch {
	case r.Revision <= v.now:
		return 0 // it was not committed: the vault went on without it
	case intent > 0:
		return intent
	}
	return r.Seq
}
