package handoff

import (
	"path"
	"strings"
)

// Command returns the text of a command for a POSIX shell in which each reference has become a variable: variables names one for each
// reference of the pieces, in their order. The expansion is quoted as its place wants it, so that the value is one word, or one part of
// one, and no text of it is in the command (I12, I21). file is the name of the file in errors, whose lines count from those of the pieces.
//
// An error is of class fault.Invalid, as that of [Lay].
func Command(file string, pieces []Piece, variables []string) (string, error) {
	l := newLayout(file, pieces)
	if l.text == "" || len(l.holes) == 0 {
		return l.text, nil
	}
	s := newShellScanner(l.text, func(v string) (string, error) { return `"${` + v + `}"`, nil })
	s.expand = true
	var err error
	if l.spans, err = s.scan(); err != nil {
		return "", l.explain(err)
	}
	if err := l.complete(Shell); err != nil {
		return "", err
	}
	out, err := l.fill(variables)
	return string(out), err
}

// An Argument is a secret that a shell hands to a program as an argument, which every process of the user, and often of others, can read
// while the program runs (I12).
type Argument struct {
	Line    int    // of the command, from 1
	Program string // as it is written; empty: where the secret goes is not clear
	Of      string // the secret
}

// Arguments finds out which secrets a command would hand to programs as arguments. holds says which secret, or what else of which nobody
// should learn, is in a variable. It errs on the side of telling: a function of the shell looks like a program to it.
func Arguments(command string, holds map[string]string) []Argument {
	a := &arguments{holds: map[string]string{}}
	for name, of := range holds {
		a.holds[name] = of
	}
	s := newShellScanner(command+"\n", nil)
	s.seen = func(f *frame, word string) { a.word(s, f, word) }
	for s.at < len(s.text) && s.lost == "" {
		if s.step() != nil { // about a hole, and there is none
			break
		}
	}
	if s.lost != "" {
		if of := a.in(s.text[s.at:]); of != "" {
			a.found = append(a.found, Argument{Line: lineAt(s.text, s.at), Of: of})
		}
	}
	return a.found
}

func lineAt(text string, at int) int { return 1 + strings.Count(text[:at], "\n") }

type arguments struct {
	holds map[string]string
	found []Argument
}

// word looks at a word that ends where s is.
func (a *arguments) word(s *shellScanner, f *frame, word string) {
	if f.redirect {
		f.redirect = false
		return
	}
	first := ""
	if len(f.words) > 0 {
		first = f.words[0]
	}
	switch {
	case first == "" && a.assign(word), first == "" && isKeyword(word):
		return
	case first == "for" || first == "select":
		if of := a.in(word); of != "" && len(f.words) > 1 {
			a.holds[f.words[1]] = of
		}
	case first != "" && isBuiltin(first):
		a.assign(word)
	case first == "" && isBuiltin(word):
	default:
		seen := word
		if f.takesCode == "" {
			seen = withoutSingle(word)
		}
		if of := a.in(seen); of != "" {
			program := first
			if program == "" {
				program = word
			}
			a.found = append(a.found, Argument{Line: lineAt(s.text, f.word), Program: path.Base(program), Of: of})
		}
	}
	f.words = append(f.words, word)
}

// assign takes NAME=…: the variable holds what is in the word.
func (a *arguments) assign(word string) bool {
	name, value, ok := strings.Cut(word, "=")
	name = strings.TrimSuffix(name, "+")
	if !ok || CheckName(name) != nil {
		return false
	}
	if of := a.in(value); of != "" {
		a.holds[name] = of
	}
	return true
}

// in returns the secret of a variable that is expanded in a text, or "".
func (a *arguments) in(text string) string {
	for i := range len(text) {
		if text[i] != '$' {
			continue
		}
		name := strings.TrimLeft(text[i+1:], "{#!")
		n := 0
		for n < len(name) && (name[n] == '_' || isAlnum(name[n])) {
			n++
		}
		if of := a.holds[name[:n]]; of != "" {
			return of
		}
	}
	return ""
}

// withoutSingle returns a word without what is between single quotes, in which nothing is expanded.
func withoutSingle(word string) string {
	var out strings.Builder
	double := false
	for i := 0; i < len(word); i++ {
		switch {
		case word[i] == '\\':
			i++
		case word[i] == '"':
			double = !double
		case word[i] == '\'' && !double:
			end := strings.IndexByte(word[i+1:], '\'')
			if end < 0 {
				return out.String() + word[i:]
			}
			i += end + 1
		default:
			out.WriteByte(word[i])
		}
	}
	return out.String()
}

// isKeyword reports whether a word comes before a command and is none.
func isKeyword(word string) bool {
	switch word {
	case "if", "then", "elif", "else", "while", "until", "do", "!", "{", "}", "fi", "done", "time":
		return true
	}
	return false
}

// isBuiltin reports whether a command is done by the shell itself, so that its arguments stay within it.
func isBuiltin(word string) bool {
	switch word {
	case "echo", "printf", "test", "[", "[[", ":", "true", "false", "export", "readonly", "local", "declare", "typeset", "set", "unset", "read", "cd", "return", "exit", "shift", "umask", "wait",
		"for", "select", "case", "esac", "in":
		return true
	}
	return false
}
