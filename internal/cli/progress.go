package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tacit/internal/keeper"
)

// progress returns what long work reports to, and a function that removes the bar. Without a terminal on standard error, and
// with -q or --json, there is no bar and the first is nil.
func (a *app) progress(label string) (keeper.Progress, func()) {
	if !a.out.errTerminal || a.out.quiet || a.out.asJSON {
		return nil, func() {}
	}
	p := &progressBar{out: a.out, label: label, now: a.world.Now, start: a.world.Now()}
	return p.report, p.clear
}

// progressBar is one line on standard error that is drawn over itself, at most ten times a second.
type progressBar struct {
	out   *output
	label string
	now   func() time.Time
	start time.Time
	drawn time.Time
}

const barWidth = 28

func (p *progressBar) report(done, total int) {
	now := p.now()
	if now.Sub(p.drawn) < 100*time.Millisecond && done != total {
		return
	}
	p.drawn = now
	line := fmt.Sprintf("%s  %d", p.label, done)
	if total > 0 {
		done = min(done, total)
		full := barWidth * done / total
		line = fmt.Sprintf("%s  %s%s  %d of %d", p.label, strings.Repeat("█", full), strings.Repeat("░", barWidth-full), done, total)
		if spent := now.Sub(p.start); done > 0 && spent > 2*time.Second {
			left := time.Duration(float64(spent) / float64(done) * float64(total-done))
			line += fmt.Sprintf("  %s left", left.Round(time.Second))
		}
	}
	p.out.bar = true
	_, _ = io.WriteString(p.out.stderr, "\r\x1b[K"+line)
}

func (p *progressBar) clear() {
	if p.out.bar {
		_, _ = io.WriteString(p.out.stderr, "\r\x1b[K")
		p.out.bar = false
	}
}
