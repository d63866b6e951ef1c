package mask

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// Replacement is what a secret is usually replaced with.
const Replacement = "***"

// Patterns are secrets in all their forms, compiled. They do not change: any number of scanners may use them at once. They take
// 17 bytes of memory a byte of form (30 to 60 kB for a usual key, a megabyte for a PEM key), and as much again for a moment while
// they are compiled.
type Patterns struct {
	automatons [2]*automaton // exact, and any case
	filter     filter
	shortest   int
}

// Compile compiles the forms of the values that have min bytes or more. It keeps no reference to the values.
func Compile(min int, values ...[]byte) *Patterns {
	var exact, anyCase [][]byte
	shortest := 0
	for _, v := range values {
		eachForm(v, min, lowerDigits, func(form []byte, any bool) {
			if shortest == 0 || len(form) < shortest {
				shortest = len(form)
			}
			if any {
				anyCase = append(anyCase, form)
			} else {
				exact = append(exact, form)
			}
		})
	}
	p := &Patterns{shortest: shortest}
	length, key := startLength(shortest)
	var starts [2][]start
	var second sync.WaitGroup
	second.Go(func() { p.automatons[1], starts[1] = newAutomaton(anyCase, true, length, key) }) // both take a while, for many secrets
	p.automatons[0], starts[0] = newAutomaton(exact, false, length, key)
	second.Wait()
	p.filter = newFilter(length, key, starts)
	return p
}

// Empty reports whether there is nothing to find: every value was too short, or there was none.
func (p *Patterns) Empty() bool { return p.shortest == 0 }

// Shortest returns the length of the shortest form in bytes; 0 if there is none.
func (p *Patterns) Shortest() int { return p.shortest }

// Format and LogValue keep the secrets out of messages.
func (p *Patterns) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, Replacement) }

// LogValue is Format for slog.
func (p *Patterns) LogValue() slog.Value { return slog.StringValue(Replacement) }

// A Scanner replaces secrets in one stream, which comes in chunks. It is not for concurrent use.
type Scanner struct {
	tracks      [2]track
	filter      *filter
	replacement []byte
	count       int64

	// text holds what was not passed on yet and a part, before it, that was. It ends at the offset end of the stream.
	text []byte
	end  int64
	// shown is the offset up to which the stream was passed on or replaced; hidden is where the last replaced run ended.
	shown, hidden int64
}

// A track is where one of the automatons is in the stream, and what it has found that was not replaced yet.
type track struct {
	*automaton
	at    int32
	found []span // in order; they neither overlap nor touch
	taken int    // how many of found were replaced
}

// A span is a part of the stream, by offsets.
type span struct{ from, to int64 }

// NewScanner returns a scanner that writes the replacement where a secret stands. An empty one would join what stands on both
// sides of the secret, perhaps to another secret: it stands for [Replacement].
func (p *Patterns) NewScanner(replacement string) *Scanner {
	if replacement == "" {
		replacement = Replacement
	}
	return &Scanner{
		tracks:      [2]track{{automaton: p.automatons[0]}, {automaton: p.automatons[1]}},
		filter:      &p.filter,
		replacement: []byte(replacement),
		hidden:      -1,
	}
}

// Append appends to dst what can be said of the stream now that chunk has come, and returns it. All but the longest end of the
// stream that a pattern may begin with is there, with the secrets replaced. It keeps no reference to chunk, which may not overlap
// with what dst has room for.
func (s *Scanner) Append(dst, chunk []byte) []byte {
	s.scan(chunk)
	open := int64(0)
	for i := range s.tracks {
		t := &s.tracks[i]
		open = max(open, t.open(t.at))
	}
	dst = s.show(dst, chunk, s.end+int64(len(chunk))-open)
	s.keep(chunk)
	return dst
}

// End appends what was held back, because the stream is at its end, and makes the scanner ready for another stream, of which
// nothing of this one is left.
func (s *Scanner) End(dst []byte) []byte {
	dst = s.show(dst, nil, s.end)
	clear(s.text)
	s.text = s.text[:0]
	for i := range s.tracks {
		s.tracks[i].at = 0
	}
	s.hidden = -1
	return dst
}

// Cut is End for a stream that may have been cut off in the middle of a secret: a form that has begun is hidden too, if more than most bytes of
// it are there. Fewer are nobody's secret, and stand at the end of many texts.
func (s *Scanner) Cut(dst []byte, most int) []byte {
	for i := range s.tracks {
		t := &s.tracks[i]
		if open := t.open(t.at); open > int64(most) {
			t.add(span{s.end - open, s.end})
		}
	}
	return s.End(dst)
}

// Ease appends what is held back if it is most bytes or fewer, for a stream that has paused: somebody may be waiting for just that, a
// prompt or the echo of a key. The scan goes on where it is: should a form of a secret come about, the rest of it is hidden, so that no
// more than its first most bytes are ever seen.
func (s *Scanner) Ease(dst []byte, most int) []byte {
	for i := range s.tracks {
		if t := &s.tracks[i]; t.open(t.at) > int64(most) {
			return dst
		}
	}
	return s.show(dst, nil, s.end)
}

// Replaced returns how many replacements were written.
func (s *Scanner) Replaced() int64 { return s.count }

// Held returns how many bytes of the stream are held back.
func (s *Scanner) Held() int { return int(s.end - s.shown) }

// Idle reports whether nothing is held back and no form of a secret has begun: a new scanner would go on alike.
func (s *Scanner) Idle() bool { return s.Held() == 0 && s.tracks[0].at == 0 && s.tracks[1].at == 0 }

// Format keeps what is held back, the beginning of a secret perhaps, out of messages.
func (s *Scanner) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, Replacement) }

// LogValue is Format for slog.
func (s *Scanner) LogValue() slog.Value { return slog.StringValue(Replacement) }

// scan goes on with the text, which begins where the stream ends so far. Where no pattern has begun the filter is faster than the
// automatons: they are sent to what it finds, and to the end of the text, of which it does not see enough.
func (s *Scanner) scan(text []byte) {
	var at [2]int // where each automaton is not in a pattern
	for i := range s.tracks {
		at[i] = s.tracks[i].follow(text, 0, -1, s.filter, s.end)
	}
	search := s.filter.search(text)
	for {
		start, nodes, ok := search.next(&at)
		if !ok {
			break
		}
		for i := range s.tracks {
			if t := &s.tracks[i]; nodes[i] != 0 {
				t.at = nodes[i]
				t.note(s.end + int64(start+s.filter.key))
				at[i] = t.follow(text, start+s.filter.key, start, s.filter, s.end)
			}
		}
	}
	for i := range s.tracks {
		if at[i] < len(text) {
			s.tracks[i].at = 0
			s.tracks[i].follow(text, max(at[i], search.seen), len(text), s.filter, s.end)
		}
	}
}

// follow goes on with text[i:] until no more has begun than the filter would find too, and not find before text[i]: a prefix shorter than
// its keys, at a place that it sees, and behind from. It returns that place, or the end of the text.
func (t *track) follow(text []byte, i, from int, f *filter, offset int64) int {
	a, n, seen, key := t.automaton, t.at, f.seen(len(text)), int32(f.key)
	for i < len(text) {
		at := &a.nodes[n]
		if start := i - int(at.depth); start > from && start < seen && at.depth < key {
			return start
		}
		switch label := a.as[text[i]]; {
		case at.run > 0 && a.labels[n+1] == label:
			agree := 1
			if at.run >= 8 {
				agree = a.follow(n, text[i:])
			}
			n, i = n+int32(agree), i+agree
		default:
			child := a.child(n, label)
			if child == 0 && n != 0 {
				n = at.fail
				continue
			}
			n, i = child, i+1
		}
		if a.nodes[n].out != 0 {
			t.at = n
			t.note(offset + int64(i))
		}
	}
	t.at = n
	return i
}

// note adds the longest pattern that the node stands for the end of, if there is one, to what was found: it ends at the offset.
func (t *track) note(to int64) {
	if out := int64(t.nodes[t.at].out); out != 0 {
		t.add(span{to - out, to})
	}
}

// add adds a span that ends behind all others.
func (t *track) add(s span) {
	last := len(t.found) - 1
	for ; last >= t.taken && t.found[last].to >= s.from; last-- {
		s.from = min(s.from, t.found[last].from)
	}
	t.found = append(t.found[:last+1], s)
}

// show appends the stream up to the offset, but for what is hidden; chunk is what follows text. No pattern that is not found yet
// begins before the offset.
func (s *Scanner) show(dst, chunk []byte, to int64) []byte {
	for {
		next, ok := s.next(to)
		if !ok {
			break
		}
		if next.from > s.hidden {
			if next.from > s.shown { // else its beginning was eased
				dst = s.pass(dst, chunk, next.from)
			}
			dst = append(dst, s.replacement...)
			s.count++
		}
		s.hidden = max(s.hidden, next.to)
		s.shown = max(s.shown, s.hidden)
	}
	if s.shown < to {
		dst = s.pass(dst, chunk, to)
	}
	return dst
}

// pass appends what was not shown yet of the stream, up to the offset.
func (s *Scanner) pass(dst, chunk []byte, to int64) []byte {
	if s.shown < s.end {
		rest := s.text[len(s.text)-s.Held():]
		n := min(to-s.shown, int64(len(rest)))
		dst = append(dst, rest[:n]...)
		s.shown += n
	}
	if s.shown < to {
		dst = append(dst, chunk[s.shown-s.end:to-s.end]...)
		s.shown = to
	}
	return dst
}

// next takes the first span that begins before the offset.
func (s *Scanner) next(before int64) (span, bool) {
	var first *track
	for i := range s.tracks {
		t := &s.tracks[i]
		if t.taken < len(t.found) && t.found[t.taken].from < before &&
			(first == nil || t.found[t.taken].from < first.found[first.taken].from) {
			first = t
		}
	}
	if first == nil {
		return span{}, false
	}
	next := first.found[first.taken]
	if first.taken++; first.taken == len(first.found) {
		first.found, first.taken = first.found[:0], 0
	}
	return next, true
}

// keep makes the chunk part of the stream: what of it was not shown is held back.
func (s *Scanner) keep(chunk []byte) {
	if s.shown >= s.end {
		clear(s.text)
		s.text = append(s.text[:0], chunk[s.shown-s.end:]...)
	} else {
		s.forget()
		s.text = append(s.text, chunk...)
	}
	s.end += int64(len(chunk))
}

// forget drops what was shown, once that is most of the text: a byte is moved but once or twice in its life.
func (s *Scanner) forget() {
	rest := s.Held()
	if rest > len(s.text)/2 {
		return
	}
	copy(s.text, s.text[len(s.text)-rest:])
	clear(s.text[rest:])
	s.text = s.text[:rest]
}
