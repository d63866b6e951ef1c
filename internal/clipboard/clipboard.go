// Package clipboard puts a secret on the clipboard and takes it off again.
//
// It speaks to the tools that every desktop has, always through their standard input: a value is never in an argument, an
// environment or a file of theirs (I01, I12). docs/decisions/0003-clipboard.md says why there is no library in between.
package clipboard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"os/exec"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aymanbagabas/go-osc52/v2"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// World is what choosing a clipboard looks at.
type World struct {
	GOOS     string // runtime.GOOS but in tests
	Getenv   func(string) string
	Environ  []string                     // for the tools; without anything that opens the vault
	LookPath func(string) (string, error) // exec.LookPath but in tests
	InMemory func(dir string) bool        // whether a directory is on no disk
	Terminal io.Writer                    // the controlling terminal; nil when there is none
}

// Board is a clipboard.
type Board struct {
	Tool            string // what reaches it: "xclip"
	world           World
	copy            []string // reads the value from standard input
	paste           []string // writes it to standard output; nil: it cannot be asked
	clear           []string
	wide            bool // wants UTF-16 for what is not ASCII
	newline         bool // paste ends with a line end of its own
	terminalControl bool // OSC 52
}

// toolTime is how long a tool may take.
const toolTime = 5 * time.Second

// maxTerminal is what terminals take in one OSC 52 sequence: xterm allows about 100,000 characters, hterm and others less.
const maxTerminal = 74_000

// CanClear reports whether the clipboard can be asked what it holds, so that it can be cleared without taking away what
// somebody copied meanwhile.
func (b *Board) CanClear() bool { return b.paste != nil }

// Copy puts v on the clipboard. Only text goes there: a value that is not UTF-8 or holds a NUL byte is fault.Invalid.
func (b *Board) Copy(ctx context.Context, v secret.Value) error {
	text := v.Reveal()
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return fault.New(fault.Invalid, "the value is not text, which is all that a clipboard takes").WithFix("add --base64")
	}
	if b.terminalControl {
		if base64.StdEncoding.EncodedLen(len(text)) > maxTerminal {
			return fault.New(fault.Failed, "the value is longer than a terminal takes for its clipboard").WithFix("write it to a file: --output FILE")
		}
		return wrap("copy to the terminal's clipboard", b.sequence(string(text)))
	}
	if b.wide {
		text = wide(text)
	}
	return wrap("copy with "+b.Tool, b.run(ctx, b.copy, text, nil))
}

// ClearIf empties the clipboard if what it holds has the SHA-256 want, and reports whether it did.
func (b *Board) ClearIf(ctx context.Context, want [sha256.Size]byte) (bool, error) {
	if !b.CanClear() {
		return false, nil
	}
	text, err := b.held(ctx)
	if err != nil {
		return false, nil //nolint:nilerr // it holds something that is no text, or nothing: not what was put there
	}
	defer clear(text)
	if b.newline {
		text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	}
	if got := sha256.Sum256(text); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return false, nil
	}
	if err := b.run(ctx, b.clear, nil, nil); err != nil {
		return false, wrap("clear the clipboard with "+b.Tool, err)
	}
	return true, nil
}

// held returns what is on the clipboard. When its owner goes away while it is being asked, X tools wait for ever; then the next
// owner is asked.
func (b *Board) held(ctx context.Context) ([]byte, error) {
	for try := 1; ; try++ {
		out := &bounded{left: 1 << 20}
		err := b.run(ctx, b.paste, nil, out)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && try < 3 {
			continue
		}
		return out.b, err
	}
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Failed, err, "%s", doing)
}

// run starts a tool and waits for it. Tools that own a selection go on in the background; they get no stream of ours but the
// one that they read to its end, so nobody waits for them.
func (b *Board) run(ctx context.Context, argv []string, in []byte, out io.Writer) error {
	path, err := b.world.LookPath(argv[0])
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	c := exec.CommandContext(limited, path, argv[1:]...)
	c.Env, c.Stdout, c.WaitDelay = b.world.Environ, out, time.Second
	c.Stdin = bytes.NewReader(in)
	if err = c.Run(); err != nil && limited.Err() != nil {
		err = limited.Err()
	}
	return err
}

// bounded keeps what is written to it, and fails when that is more than a value could be.
type bounded struct {
	b    []byte
	left int
}

func (w *bounded) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return 0, io.ErrShortWrite
	}
	w.left -= len(p)
	w.b = append(w.b, p...)
	return len(p), nil
}

// sequence writes the OSC 52 sequence that sets the terminal's clipboard, through the multiplexer if there is one.
func (b *Board) sequence(text string) error {
	s := osc52.New(text)
	switch {
	case b.world.Getenv("TMUX") != "":
		s = s.Tmux()
	case strings.HasPrefix(b.world.Getenv("TERM"), "screen"):
		s = s.Screen()
	}
	_, err := s.WriteTo(b.world.Terminal)
	return err
}

// wide returns text in the encoding in which clip.exe takes it unchanged: as it is when it is ASCII, else UTF-16 with its mark.
func wide(text []byte) []byte {
	ascii := true
	for _, c := range text {
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return text
	}
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(string(text))) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}
