package mask

import "io"

// block is how much of a stream is looked at in one go. The memory of a reader or writer does not depend on the stream, only on
// this and on the longest form of a secret.
const block = 32 << 10

// A Writer passes on what is written to it, with secrets replaced. It is not for concurrent use.
type Writer struct {
	to      io.Writer
	scanner *Scanner
	out     []byte
	err     error
}

// NewWriter returns a writer to w. What may be the beginning of a secret is held back until it is known; [Writer.Close] writes it.
func NewWriter(w io.Writer, p *Patterns, replacement string) *Writer {
	return &Writer{to: w, scanner: p.NewScanner(replacement)}
}

// Write writes p, but for secrets. When w fails the error is returned by this call and every later one, because it is not known
// how much of p was written.
func (w *Writer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && w.err == nil {
		chunk := p[:min(block, len(p))]
		p = p[len(chunk):]
		w.pass(w.scanner.Append(w.out[:0], chunk))
	}
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
}

// Close writes what was held back. It does not close what it writes to. The writer may then be used for another stream.
func (w *Writer) Close() error {
	if w.err == nil {
		w.pass(w.scanner.End(w.out[:0]))
	}
	return w.err
}

// Replaced returns how many replacements were written.
func (w *Writer) Replaced() int64 { return w.scanner.Replaced() }

func (w *Writer) pass(out []byte) {
	w.out = out
	if len(out) > 0 {
		_, w.err = w.to.Write(out)
	}
}

// A Reader reads a stream with secrets replaced. It is not for concurrent use.
type Reader struct {
	from    io.Reader
	scanner *Scanner
	in, out []byte
	ready   []byte // the rest of out
	err     error
}

// NewReader returns a reader of r. It reads what r has and no more: only what may be the beginning of a secret waits for the rest.
func NewReader(r io.Reader, p *Patterns, replacement string) *Reader {
	return &Reader{from: r, scanner: p.NewScanner(replacement), in: make([]byte, block)}
}

// Read reads up to len(p) bytes. The error of r comes after all that was read before it, with what was held back.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for tries := 0; len(r.ready) == 0; tries++ {
		switch {
		case r.err != nil:
			return 0, r.err
		case tries == 100:
			return 0, io.ErrNoProgress // r has had its chance to say why
		}
		n, err := r.from.Read(r.in)
		r.out = r.scanner.Append(r.out[:0], r.in[:n])
		if err != nil {
			r.err = err
			r.out = r.scanner.End(r.out)
		}
		r.ready = r.out
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// Replaced returns how many replacements were made so far.
func (r *Reader) Replaced() int64 { return r.scanner.Replaced() }
