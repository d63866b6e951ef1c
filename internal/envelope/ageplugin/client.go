package ageplugin

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
)

// UI is how a plugin talks to the user. A nil function tells the plugin that there is nobody.
type UI struct {
	Tell    func(message string)                                    // "touch the key", …
	Ask     func(prompt string, hidden bool) (string, error)        // a PIN, …
	Confirm func(prompt, yes, no string) (choseYes bool, err error) // no may be empty
}

// Plugin is one plugin program.
type Plugin struct {
	Name string   // "yubikey" of age-plugin-yubikey
	Path string   // absolute
	Env  []string // its whole environment
	UI   UI
}

// Recipient returns the recipient with an encoding "age1NAME1…", or the one that belongs to the identity "AGE-PLUGIN-NAME-1…".
// The context is kept because age's interface has none; it ends a conversation under way.
func (p Plugin) Recipient(ctx context.Context, encoding string) age.Recipient {
	return recipient{ctx, p, encoding}
}

// Identity returns the identity with an encoding "AGE-PLUGIN-NAME-1…". See Recipient for the context.
func (p Plugin) Identity(ctx context.Context, encoding string) age.Identity {
	return identity{ctx, p, encoding}
}

type recipient struct {
	ctx      context.Context
	plugin   Plugin
	encoding string
}

// Wrap implements [age.Recipient]. It ignores labels, as nothing of ours mixes a plugin's recipient with another.
func (r recipient) Wrap(fileKey []byte) (stanzas []*age.Stanza, err error) {
	add := "add-recipient"
	if strings.HasPrefix(r.encoding, "AGE-PLUGIN-") {
		add = "add-identity"
	}
	ask := []stanza{{add, []string{r.encoding}, nil}, {"wrap-file-key", nil, fileKey}, {"done", nil, nil}}
	err = r.plugin.talk(r.ctx, "recipient-v1", ask, func(s stanza) (bool, error) {
		if s.kind != "recipient-stanza" {
			return false, nil
		}
		if len(s.args) < 2 || s.args[0] != "0" {
			return true, errMalformed
		}
		stanzas = append(stanzas, &age.Stanza{Type: s.args[1], Args: s.args[2:], Body: s.body})
		return true, nil
	})
	if err == nil && len(stanzas) == 0 {
		err = fmt.Errorf("%s: wrapped nothing", filepath.Base(r.plugin.Path))
	}
	return stanzas, err
}

type identity struct {
	ctx      context.Context
	plugin   Plugin
	encoding string
}

// Unwrap implements [age.Identity].
func (i identity) Unwrap(stanzas []*age.Stanza) (fileKey []byte, err error) {
	ask := []stanza{{"add-identity", []string{i.encoding}, nil}}
	for _, s := range stanzas {
		ask = append(ask, stanza{"recipient-stanza", append([]string{"0", s.Type}, s.Args...), s.Body})
	}
	ask = append(ask, stanza{"done", nil, nil})
	err = i.plugin.talk(i.ctx, "identity-v1", ask, func(s stanza) (bool, error) {
		if s.kind != "file-key" {
			return false, nil
		}
		if len(s.args) != 1 || s.args[0] != "0" || fileKey != nil {
			return true, errMalformed
		}
		fileKey = s.body
		return true, nil
	})
	if err == nil && fileKey == nil {
		err = age.ErrIncorrectIdentity
	}
	return fileKey, err
}

// talk runs the plugin in a state machine: ask is what phase 1 says; take gets each stanza of phase 2 and says whether it was its own.
func (p Plugin) talk(ctx context.Context, machine string, ask []stanza, take func(stanza) (bool, error)) (err error) {
	if !filepath.IsAbs(p.Path) {
		return fmt.Errorf("age plugin %s: no absolute path", p.Name)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Path, "--age-plugin="+machine)
	cmd.Env = p.Env
	cmd.Dir = os.TempDir() // as age does: not the caller's directory, which differs from call to call
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 2 * time.Second // then it is killed
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start age plugin %s: %w", p.Name, err)
	}
	defer func() {
		_ = in.Close()
		_ = out.Close()
		cancel()
		_ = cmd.Wait() // how it ends after its last word says nothing
		if err != nil && !errors.Is(err, age.ErrIncorrectIdentity) {
			err = fmt.Errorf("age plugin %s: %w", p.Name, err)
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = out.Close() })
	defer stop()
	for _, s := range ask {
		if err := s.write(in); err != nil {
			return err
		}
	}
	r := bufio.NewReaderSize(io.LimitReader(out, maxSaid), maxLine)
	for {
		s, err := readStanza(r)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
		if done, err := p.answer(in, s, take); done || err != nil {
			return err
		}
	}
}

func (p Plugin) answer(in io.Writer, s stanza, take func(stanza) (bool, error)) (done bool, err error) {
	say := func(kind string, args ...string) error { return stanza{kind, args, nil}.write(in) }
	switch s.kind {
	case "done":
		return true, nil
	case "error":
		_ = say("ok")
		return true, errors.New(printable(string(s.body)))
	case "msg":
		if p.UI.Tell == nil {
			return false, say("fail")
		}
		p.UI.Tell(p.Name + ": " + printable(string(s.body)))
		return false, say("ok")
	case "request-public", "request-secret":
		if p.UI.Ask == nil {
			return false, say("fail")
		}
		text, err := p.UI.Ask(p.Name+": "+printable(string(s.body)), s.kind == "request-secret")
		if err != nil {
			return false, say("fail")
		}
		return false, stanza{"ok", nil, []byte(text)}.write(in)
	case "confirm":
		return false, p.confirm(s, say)
	}
	mine, err := take(s)
	switch {
	case err != nil:
		return true, err
	case mine:
		return false, say("ok")
	}
	return false, say("unsupported")
}

func (p Plugin) confirm(s stanza, say func(string, ...string) error) error {
	if len(s.args) != 1 && len(s.args) != 2 {
		return errMalformed
	}
	labels := []string{"", ""}
	for i, a := range s.args {
		b, err := base64.RawStdEncoding.Strict().DecodeString(a)
		if err != nil {
			return errMalformed
		}
		labels[i] = printable(string(b))
	}
	if p.UI.Confirm == nil {
		return say("fail")
	}
	yes, err := p.UI.Confirm(p.Name+": "+printable(string(s.body)), labels[0], labels[1])
	switch {
	case err != nil:
		return say("fail")
	case yes:
		return say("ok", "yes")
	}
	return say("ok", "no")
}

// printable returns text from a plugin as one line without control characters, of a bearable length.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.TrimSpace(s))
	const most = 500
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
