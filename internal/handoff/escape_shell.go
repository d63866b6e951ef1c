package handoff

import "strings"

// ShellQuote returns v as one word of a POSIX shell, which reads exactly v and runs nothing of it. No shell holds NUL.
func ShellQuote(v string) string {
	return "'" + strings.ReplaceAll(v, "'", `'\''`) + "'"
}

// scanShell finds where holes land in a script of a POSIX shell, bash, zsh or ksh: in a word without quotes, between single or double quotes,
// or in a here-document. Everywhere a value is put between single quotes, within which nothing means anything: where the script has other
// quotes open, they are closed before and opened again behind.
//
// The scanner follows quotes, substitutions and here-documents as far as their end is certain in all these shells. What it cannot follow is
// an error for every hole from there on, since a wrong guess would let a shell run the value. So are places where quotes do not keep a
// shell from reading the value as code: arithmetic, backquotes, parameter expansions.
func scanShell(text string) ([]span, error) {
	return newShellScanner(text, shellValue).scan()
}

// shellValue writes a value as a word.
func shellValue(v string) (string, error) {
	if strings.Contains(v, "\x00") {
		return "", errNUL("a shell")
	}
	return ShellQuote(v), nil
}

func newShellScanner(text string, word func(string) (string, error)) *shellScanner {
	return &shellScanner{text: text, word: word, frames: []frame{{kind: command, word: -1}}}
}

func (s *shellScanner) scan() ([]span, error) {
	text := s.text
	for s.at < len(text) && s.lost == "" {
		if err := s.step(); err != nil {
			return nil, err
		}
	}
	if s.lost != "" {
		done := 0 // what no span has before s.at, the lost thing has in itself
		if n := len(s.spans); n > 0 {
			done = s.spans[n-1].end
		}
		if at := strings.IndexByte(text[done:], hole); at >= 0 {
			return nil, &unfit{holeAt(text, done+at), "stands in or behind " + s.lost, shellWayOut}
		}
	}
	switch f := s.top(); f.kind {
	case single, double:
		return nil, &unclear{f.start, "a quote that begins here has no end", "say what the file is with --escape"}
	case command:
		if err := s.endOfWord(); err != nil {
			return nil, err
		}
	}
	return s.spans, nil
}

const shellWayOut = `assign it before, on a line of its own: secret="${secret:NAME}", and use "$secret"`

// A frame is what the scanner is within.
type frame struct {
	kind   frameKind
	start  int // where it began, for errors
	parens int // of command, if it is a substitution, and of arithmetic: open parentheses
	word   int // of command: where the word began that the scanner is in; -1 between words

	words     []string // of command, if somebody wants to see them: those of the command so far
	redirect  bool     // of command: the next word is a file's name
	takesCode byteSet  // of command: it names a program to which an option with one of these letters gives code; nil: it names none
	runs      string   // of command: what in it runs or calculates its arguments, quoted or not
	line      pipeline // of command
	groups    []group  // of command
}

type frameKind int

const (
	command    frameKind = iota // the script, or $( )
	single                      // ' '
	double                      // " "
	dollar                      // $' '
	parameter                   // ${ }
	arithmetic                  // $(( )), (( )), $[ ] and what stands in a subscript
)

type shellScanner struct {
	text   string
	word   func(value string) (string, error) // writes a value as a word of its own
	expand bool                               // values are names of variables, which here-documents expand
	seen   func(f *frame, word string)        // is told of every word of a command; may be nil
	at     int
	frames []frame // the innermost last
	spans  []span
	here   []hereDoc // that begin behind the end of this line
	lost   string    // what the scanner cannot follow
}

func (s *shellScanner) top() *frame { return &s.frames[len(s.frames)-1] }

func (s *shellScanner) push(kind frameKind, size int) {
	s.frames = append(s.frames, frame{kind: kind, start: s.at, word: -1, line: pipeline{first: len(s.spans)}})
	s.at += size
}

func (s *shellScanner) pop(size int) {
	s.frames = s.frames[:len(s.frames)-1]
	s.at += size
}

func (s *shellScanner) has(prefix string) bool { return strings.HasPrefix(s.text[s.at:], prefix) }

// step goes over one thing.
func (s *shellScanner) step() error {
	kind := s.top().kind
	if kind != command && s.text[s.at] == '\n' && len(s.here) > 0 {
		s.lost = "a here-document that begins on a line which is continued"
		return nil
	}
	switch kind {
	case single:
		return s.inSingle()
	case double:
		return s.inDouble()
	case dollar:
		return s.inDollar()
	case parameter:
		return s.inParameter()
	case arithmetic:
		return s.inArithmetic()
	}
	return s.inCommand()
}

// fill makes a span of the hole here, within quotes that closing ends and opening begins.
func (s *shellScanner) fill(closing, opening string) error {
	if err := s.risk(); err != nil {
		return err
	}
	w := each(func(v string) (string, error) {
		word, err := s.word(v)
		return closing + word + opening, err
	})
	near := max(s.at-maxURL, 0)
	s.spans = append(s.spans, span{start: s.at, end: s.at + 1, write: w, from: near + strings.LastIndexByte(s.text[near:s.at], '\n') + 1, to: lineEnd(s.text, s.at)})
	s.at++
	return nil
}

func (s *shellScanner) refuse(why string) error {
	return &unfit{holeAt(s.text, s.at), why, shellWayOut}
}

// escaped goes over a backslash and what it is for.
func (s *shellScanner) escaped() error {
	s.at++
	switch {
	case s.has(string(hole)):
		return s.refuse("stands behind a backslash")
	case s.has("\n") && len(s.here) > 0:
		s.lost = "a here-document that begins on a line which is continued"
	}
	s.at = min(s.at+1, len(s.text))
	return nil
}

func (s *shellScanner) inSingle() error {
	switch s.text[s.at] {
	case '\'':
		s.pop(1)
	case hole:
		return s.fill("'", "'")
	default:
		s.at++
	}
	return nil
}

func (s *shellScanner) inDollar() error {
	switch s.text[s.at] {
	case '\'':
		s.pop(1)
	case '\\':
		if s.has(`\'`) {
			s.lost = `$'…\'…', of which not every shell sees the same end`
			return nil
		}
		return s.escaped()
	case hole:
		return s.fill("'", "$'")
	default:
		s.at++
	}
	return nil
}

func (s *shellScanner) inDouble() error {
	switch c := s.text[s.at]; {
	case c == '"':
		s.pop(1)
	case c == '\\':
		return s.escaped()
	case c == hole:
		if s.text[s.at-1] == '$' {
			return s.refuse("stands behind a $")
		}
		return s.fill(`"`, `"`)
	case s.substitution():
	default:
		s.at++
	}
	return nil
}

// substitution goes into $( ), ${ }, $(( )), $[ ] or over backquotes, and reports whether it did.
func (s *shellScanner) substitution() bool {
	switch {
	case s.has("$(("):
		s.push(arithmetic, 3)
		s.top().parens = 2
	case s.has("$("):
		s.push(command, 2)
		s.top().parens = 1
	case s.has("${"):
		s.push(parameter, 2)
	case s.has("$["):
		s.lost = "$[…], which not every shell takes for arithmetic"
	case s.has("`"):
		s.backquotes()
	default:
		return false
	}
	return true
}

func (s *shellScanner) inParameter() error {
	switch c := s.text[s.at]; {
	case c == '}':
		s.pop(1)
	case c == hole:
		return s.refuse("stands within ${…}")
	case byteSet("'\"\\{").has(c):
		s.lost = "${…} with quotes in it, of which not every shell sees the same end"
	case s.substitution():
	default:
		s.at++
	}
	return nil
}

// backquotes goes over `…` where no shell can see another end.
func (s *shellScanner) backquotes() {
	size := strings.IndexByte(s.text[s.at+1:], '`')
	if size < 0 || strings.ContainsAny(s.text[s.at+1:s.at+1+size], "'\"\\$\x00") {
		s.lost = "backquotes, in which little can be quoted safely: write $(…)"
		return
	}
	s.at += size + 2
}

func (s *shellScanner) inArithmetic() error {
	f := s.top()
	switch c := s.text[s.at]; {
	case c == hole:
		return s.refuse("stands within arithmetic, which runs what it reads")
	case byteSet("'\"\\#").has(c):
		s.lost = "arithmetic with quotes or comments in it"
	case c == '(':
		f.parens++
		s.at++
	case c == ')':
		if f.parens--; f.parens == 0 {
			s.pop(1)
			return nil
		}
		s.at++
	case s.substitution():
	default:
		s.at++
	}
	return nil
}

// inCommand goes over one thing of a command: a character of a word, a quote, an operator.
func (s *shellScanner) inCommand() error {
	f := s.top()
	c := s.text[s.at]
	switch {
	case c == '\n':
		if err := s.endOfWord(); err != nil {
			return err
		}
		s.operator(f)
		f.words, f.redirect = nil, false
		s.at++
		return s.hereDocs()
	case byteSet(" \t\r;&|<>()").has(c):
		return s.between()
	case c == '#' && f.word < 0:
		end := lineEnd(s.text, s.at)
		s.spans = append(s.spans, comments(s.text, s.at, end)...)
		s.at = end
		return nil
	}
	if f.word < 0 {
		f.word = s.at
		if f.parens > 0 && (s.has("case ") || s.has("case\t") || s.has("esac")) {
			s.lost = "case within $(…), of which not every shell sees the same end"
			return nil
		}
	}
	switch {
	case c == '\\':
		return s.escaped()
	case c == '\'':
		s.push(single, 1)
	case s.has("$'"):
		s.push(dollar, 2)
	case c == '"':
		s.push(double, 1)
	case c == hole:
		if strings.HasSuffix(s.text[f.word:s.at], "$") {
			return s.refuse("stands behind a $")
		}
		return s.fill("", "")
	case s.substitution():
	default:
		s.at++
	}
	return nil
}

// between goes over what separates words.
func (s *shellScanner) between() error {
	if err := s.endOfWord(); err != nil {
		return err
	}
	f := s.top()
	c := s.text[s.at]
	s.operator(f)
	switch {
	case c == '<' || c == '>':
		f.redirect = true
	case byteSet(";|()").has(c), c == '&' && (s.at == 0 || !byteSet("<>").has(s.text[s.at-1])):
		f.words, f.redirect = nil, false
	}
	switch {
	case s.has("<("), s.has(">("):
		s.substituted()
	case s.has("<<<"):
		s.at += 3
	case s.has("<<"):
		return s.hereOperator()
	case s.has("(("):
		s.push(arithmetic, 2)
		s.top().parens = 2
	case c == '(' && f.parens > 0:
		f.parens++
		s.at++
	case c == ')' && f.parens > 0:
		if f.parens--; f.parens == 0 {
			s.pop(1)
			return nil
		}
		s.at++
	default:
		s.at++
	}
	return nil
}
