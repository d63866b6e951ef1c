package handoff

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"tacit/internal/fault"
)

const (
	// easeAfter is how long a program must pause before what is held back of its output may pass: shorter than a person notices.
	easeAfter = 30 * time.Millisecond
	// linger is how long the output of a program that has ended may stay silent before nobody listens any more. Processes that it left
	// behind may still have its output open, for as long as they live.
	linger = 300 * time.Millisecond
	// patience is how long it is listened to at the most, if it is never silent; but what the program itself has printed is always read.
	patience = 5 * time.Second
	// holds is more than what can be on the way when a program ends: in the pipe, which is never wider than this, and in our hands.
	holds = 256<<10 + piece
	// piece is how much output is read at once.
	piece = 64 << 10
)

// A stream passes on what a program prints, with its secrets masked, until the program and all that have its output are gone.
type stream struct {
	from    *os.File // what the program's end leads to; with deadlines
	to      *os.File
	scanner *growing
	done    chan struct{}

	mu     sync.Mutex
	ended  time.Time     // when the program did; zero: it runs
	after  int           // bytes that were read since
	waited time.Duration // for them

	err error // of writing; to be read after done
}

func newStream(from, to *os.File, p Program) *stream {
	return &stream{from: from, to: to, scanner: newGrowing(p.Mask, p.More), done: make(chan struct{})}
}

// run copies until the end. When nobody takes the output any more it closes from, so that the program learns of it as it would without us.
func (s *stream) run() {
	defer close(s.done)
	defer s.from.Close()
	in := make([]byte, piece)
	var out []byte
	eased := true // nothing new is held back
	quiet := 0    // how many reads in a row found nothing
	for s.err == nil {
		s.arm(eased)
		began := time.Now()
		n, err := s.from.Read(in)
		waited := time.Since(began)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if eased {
				quiet++
			}
			if s.over(quiet, 0, waited) {
				s.write(s.scanner.End(out[:0]))
				return
			}
			out = s.scanner.Ease(out[:0])
			eased = true
		case err != nil: // of a pipe io.EOF, of a terminal EIO
			out = s.scanner.End(s.scanner.Append(out[:0], in[:n]))
			s.write(out)
			return
		default:
			out = s.scanner.Append(out[:0], in[:n])
			eased, quiet = s.scanner.Held() == 0, 0
			if s.over(quiet, n, waited) {
				s.write(s.scanner.End(out))
				return
			}
		}
		s.write(out)
	}
}

func (s *stream) write(b []byte) {
	if len(b) > 0 {
		_, s.err = s.to.Write(b)
	}
}

// arm says until when the next read waits: for a pause, for the end after the program's, or for ever.
func (s *stream) arm(eased bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var until time.Time
	switch {
	case !eased:
		until = time.Now().Add(easeAfter)
	case !s.ended.IsZero():
		until = time.Now().Add(linger / 2)
	}
	_ = s.from.SetReadDeadline(until)
}

// over reports whether nothing more is waited for, now that a read of n bytes took so long: the program ended, and then there was silence or
// enough time.
//
// Silence is two reads that found nothing: one may do so after we were stopped ourselves, whatever there is. Time counts when we waited for
// output, or when all that may come from the program was read: else it may have been the reader of ours who took it.
func (s *stream) over(quiet, n int, took time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.IsZero() {
		return false
	}
	s.after += n
	s.waited += min(took, linger)
	return quiet > 1 || s.waited > patience || s.after >= holds && time.Since(s.ended) > patience
}

// end says that the program has ended: the rest of its output is still read.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = time.Now()
	if err := s.from.SetReadDeadline(time.Now().Add(linger / 2)); err != nil { // this system has none: what is there was read by now
		_ = s.from.Close()
	}
}

// outputs are the streams of one program.
type outputs struct {
	of      Program
	streams []*stream
	theirs  []*os.File
}

// pass returns what the program writes to instead of ours. Two names of one file stay one, so that the order of what is written to it
// stays too.
func (o *outputs) pass(ours *os.File, open func(ours *os.File) (here, theirs *os.File, err error)) (*os.File, error) {
	for i, s := range o.streams {
		if sameFile(s.to, ours) {
			return o.theirs[i], nil
		}
	}
	here, theirs, err := open(ours)
	if err != nil {
		return nil, err
	}
	o.streams, o.theirs = append(o.streams, newStream(here, ours, o.of)), append(o.theirs, theirs)
	return theirs, nil
}

// started begins to copy: the program has its ends now.
func (o *outputs) started() {
	for i, s := range o.streams {
		_ = o.theirs[i].Close()
		go s.run()
	}
}

// abandon closes everything: the program did not start.
func (o *outputs) abandon() {
	for i, s := range o.streams {
		_ = o.theirs[i].Close()
		_ = s.from.Close()
	}
}

// ended waits for the rest of the output. Who ends us meanwhile does not want to wait for it: such a signal leaves it [linger]. The error says
// what was not written.
func (o *outputs) ended(signals <-chan os.Signal) error {
	for _, s := range o.streams {
		s.end()
	}
	done := make(chan error, 1)
	go func() { done <- o.rest() }()
	var enough <-chan time.Time
	for {
		select {
		case err := <-done:
			return err
		case <-enough:
			return nil
		case s := <-signals:
			if ends(s) && enough == nil {
				enough = time.After(linger)
			}
		}
	}
}

// rest waits until the rest of the output was written.
func (o *outputs) rest() error {
	var all []error
	for _, s := range o.streams {
		<-s.done
		if s.err != nil && !brokenPipe(s.err) {
			all = append(all, s.err)
		}
	}
	if err := errors.Join(all...); err != nil {
		return fault.Wrap(fault.Failed, errCause(err), "write what the program prints")
	}
	return nil
}

// ends reports whether the signal asks a program to end.
func ends(s os.Signal) bool {
	return s == os.Interrupt || s == syscall.SIGQUIT || s == syscall.SIGTERM || s == syscall.SIGHUP
}

func sameFile(a, b *os.File) bool {
	x, err1 := a.Stat()
	y, err2 := b.Stat()
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// openPipe is what a program writes to that does not write to a terminal.
func openPipe(*os.File) (here, theirs *os.File, err error) {
	here, theirs, err = os.Pipe()
	if err == nil {
		widen(theirs)
	}
	return here, theirs, err
}
