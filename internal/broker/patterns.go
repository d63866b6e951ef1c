package broker

import (
	"bytes"
	"slices"
	"sync"

	"tacit/internal/mask"
)

// minMasked is the length, in bytes, from which an injected value is looked for in answers (I28). Sealed values are at least as long.
const minMasked = 8

// block is how much of an answer is read and cleaned at a time.
const block = 32 << 10

// patterns are the injected values of a credential in all their forms, and room to look for them.
type patterns struct {
	compiled *mask.Patterns
	folded   [][]byte  // every form in lower case: how it would look as the name of a header
	scrubs   sync.Pool // of *scrub

	mu    sync.Mutex
	names map[string]bool // names of headers that are known to hold no form
}

// maxNames bounds the names of headers that are remembered.
const maxNames = 512

func newPatterns(injected [][]byte) *patterns {
	p := &patterns{compiled: mask.Compile(minMasked, injected...), names: map[string]bool{}}
	for _, value := range injected {
		for _, form := range mask.Forms(value, minMasked) {
			p.folded = append(p.folded, bytes.ToLower(form))
		}
	}
	slices.SortFunc(p.folded, bytes.Compare)
	p.folded = slices.CompactFunc(p.folded, bytes.Equal)
	return p
}

// A scrub is a scanner and the memory that it works in. It is for one stream at a time.
type scrub struct {
	scanner *mask.Scanner
	in, out []byte
}

func (p *patterns) get() *scrub {
	if s, ok := p.scrubs.Get().(*scrub); ok {
		return s
	}
	return &scrub{scanner: p.compiled.NewScanner(mask.Replacement), in: make([]byte, block)}
}

// put takes a scrub back whose stream has come to its end: [mask.Scanner.End] was called.
func (p *patterns) put(s *scrub) {
	clear(s.out[:cap(s.out)])
	p.scrubs.Put(s)
}

// text returns v with what was injected replaced, and how often it was.
func (s *scrub) text(v string) (string, int) {
	before := s.scanner.Replaced()
	s.out = s.scanner.Append(s.out[:0], append(s.in[:0], v...))
	s.out = s.scanner.End(s.out)
	n := int(s.scanner.Replaced() - before)
	if n == 0 {
		return v, 0
	}
	return string(s.out), n
}

// cleanName reports whether the name of a header holds nothing that was injected, in any case: HTTP changes the case of names.
func (p *patterns) cleanName(name string) bool {
	if len(name) < minMasked {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names[name] {
		return true
	}
	folded := bytes.ToLower([]byte(name))
	for _, form := range p.folded {
		if bytes.Contains(folded, form) {
			return false
		}
	}
	if len(p.names) < maxNames {
		p.names[name] = true
	}
	return true
}
