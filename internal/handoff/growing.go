package handoff

import (
	"slices"

	"tacit/internal/mask"
)

// growing is a scanner for secrets that become more while the program runs. What stands in the output before a secret was added is not
// looked for; nothing of one that was added is lost when others are.
type growing struct {
	first    func() *mask.Patterns // what is known from the beginning; nil: nothing, or it has its stage
	more     func() *mask.Patterns // nil: they do not
	patterns *mask.Patterns        // what more last returned
	// stages are what the output goes through, one behind the other: the scanner of what is known from the beginning, if anything is; those of
	// what more returned before, while they are in the middle of something; and that of what it returned last.
	stages []stage
	fixed  int // how many of them stay: 0 or 1
}

type stage struct {
	*mask.Scanner
	eased, cut int // how many bytes of a secret may show in a pause, and at the end
}

func (g *growing) push(p *mask.Patterns) {
	g.stages = append(g.stages, stage{p.NewScanner(mask.Replacement), easeMost(p), cutMost(p)})
}

// newGrowing returns a scanner of first and of what more returns; one of the two may be nil. Neither is called before something is to be
// scanned: to compile many secrets takes longer than to start a program.
func newGrowing(first, more func() *mask.Patterns) *growing {
	return &growing{first: first, more: more}
}

// renew takes in the secrets that were added since.
func (g *growing) renew() {
	if g.first != nil {
		g.push(g.first())
		g.first, g.fixed = nil, 1
	}
	if g.more == nil {
		return
	}
	if p := g.more(); p != g.patterns {
		g.patterns = p
		g.push(p)
	}
	last := len(g.stages) - 1
	through := func(s stage) bool { return s.Idle() }
	if old := g.stages[g.fixed:last]; len(old) > 0 {
		g.stages = append(g.stages[:g.fixed+len(slices.DeleteFunc(old, through))], g.stages[last])
	}
}

// Append is that of [mask.Scanner].
func (g *growing) Append(dst, chunk []byte) []byte {
	if len(chunk) == 0 { // the end, perhaps of a program that printed nothing
		return dst
	}
	g.renew()
	last := len(g.stages) - 1
	for _, s := range g.stages[:last] {
		chunk = s.Append(nil, chunk)
	}
	return g.stages[last].Append(dst, chunk)
}

// Ease is that of [mask.Scanner].
func (g *growing) Ease(dst []byte) []byte {
	var chunk []byte
	for _, s := range g.stages {
		chunk = s.Ease(s.Append(nil, chunk), s.eased)
	}
	return append(dst, chunk...)
}

// End is [mask.Scanner.Cut]: the program may have been ended, or have ended itself, in the middle of a secret.
func (g *growing) End(dst []byte) []byte {
	var chunk []byte
	for _, s := range g.stages {
		chunk = s.Cut(s.Append(nil, chunk), s.cut)
	}
	return append(dst, chunk...)
}

// Held returns how many bytes are held back.
func (g *growing) Held() int {
	n := 0
	for _, s := range g.stages {
		n += s.Held()
	}
	return n
}
