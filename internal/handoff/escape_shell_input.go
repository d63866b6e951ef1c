package handoff

import (
	"path"
	"strings"
)

// A program that runs what it reads runs a value too, quoted or not: here-documents, here-strings, pipes and <(…) bring code to sh, ssh or
// python as well as data. This file knows where a value gets into what such a program reads. It takes the name of one anywhere in a command
// for the program (sudo bash, docker exec -i c sh), and does not ask whether it would take its code from elsewhere: where it errs, a value
// is refused. What it does not know is the input of functions, of programs that a variable names, and of a group behind a pipe from its second
// command on.

// A pipeline is what the scanner knows of the one that it is within.
type pipeline struct {
	first int    // how many spans there were when it began
	fed   bool   // what stands in it so far is the input of the command that the scanner is within
	open  bool   // its last thing is a |, so that it goes on on the next line
	runs  string // a program of the command so far that runs its input
}

// A group is a compound command that is not closed yet.
type group struct {
	closer string
	within pipeline
}

const inputWayOut = `let the program read it from a variable: export secret="${secret:NAME}", on a line of its own before, and "$secret" in its code`

// runsInput takes note of a program, or of a builtin, that runs what it reads. What gets there already must hold no value.
func (s *shellScanner) runsInput(f *frame, name string) error {
	f.line.runs = name
	for i := range s.here {
		s.here[i].runs = name
	}
	if f.line.fed && len(s.spans) > f.line.first {
		from := s.spans[f.line.first].start
		return s.refuseInput(from+strings.IndexByte(s.text[from:], hole), name)
	}
	return nil
}

// refuseInput refuses the hole at a place.
func (s *shellScanner) refuseInput(at int, name string) error {
	return &unfit{holeAt(s.text, at), "stands in what " + name + " reads, which may run it", inputWayOut}
}

// interpreter returns the name of a program, or of a builtin where a command begins, that runs what it reads; empty: it is none.
func (s *shellScanner) interpreter(word string, at int) string {
	switch name := bareName(word); name {
	case "sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "ssh", "su", "python", "perl", "ruby", "node", "php", "lua":
		return name
	}
	switch word {
	case "$SHELL", "${SHELL}", "$BASH", "${BASH}":
		return word
	case ".", "source":
		if s.isFirst(at) {
			return word
		}
	}
	return ""
}

// unquoted returns a word without the quotes and backslashes in it, which do not change what program it names.
func unquoted(word string) string {
	if !strings.ContainsAny(word, `'"\`) {
		return word
	}
	return strings.NewReplacer(`'`, "", `"`, "", `\`, "").Replace(word)
}

// bareName is the name of a program without its directory and version: python for /usr/bin/python3.12.
func bareName(word string) string {
	return strings.TrimRight(path.Base(word), "0123456789.-")
}

// isFirst reports whether a word is the first one of a command.
func (s *shellScanner) isFirst(at int) bool {
	before := strings.TrimRight(s.text[:at], " \t\r")
	if before == "" || byteSet("\n;&|(").has(before[len(before)-1]) {
		return true
	}
	return isKeyword(before[strings.LastIndexAny(before, " \t\r\n;&|()")+1:])
}

// compound follows where compound commands begin and end: what is piped from one begins with it.
func (s *shellScanner) compound(f *frame, word string, at int) {
	closer := ""
	switch word {
	case "{":
		closer = "}"
	case "if":
		closer = "fi"
	case "case":
		closer = "esac"
	case "for", "select", "while", "until":
		closer = "done"
	case "}", "fi", "esac", "done":
		if s.isFirst(at) {
			f.closeGroup(word)
		}
		return
	default:
		return
	}
	if s.isFirst(at) {
		f.groups = append(f.groups, group{closer, f.line})
	}
}

func (f *frame) closeGroup(closer string) {
	for i := len(f.groups) - 1; i >= 0; i-- {
		if f.groups[i].closer == closer {
			f.line, f.groups = f.groups[i].within, f.groups[:i]
			return
		}
	}
}

// operator follows pipelines over the character here, which is between words.
func (s *shellScanner) operator(f *frame) {
	before := byte(0)
	if s.at > 0 {
		before = s.text[s.at-1]
	}
	switch c := s.text[s.at]; {
	case c == '(' && !s.has("(("):
		f.groups = append(f.groups, group{")", f.line})
	case c == ')':
		f.closeGroup(")")
	case c == '|' && before != '|' && s.endsCommand():
		f.line.fed, f.line.open, f.line.runs = true, true, ""
	case s.has("<<<"):
		f.line.fed = true
		if f.line.runs != "" {
			f.runs = f.line.runs
		}
	case c == '\n' && f.line.open:
	case c == '&' && before == '|': // |& is a pipe
	case s.endsCommand():
		f.line = pipeline{first: len(s.spans)}
	}
}

// endsCommand reports whether what is here ends a command: not the & of 2>&1 and &>file, nor the | of >|.
func (s *shellScanner) endsCommand() bool {
	if s.at == len(s.text) {
		return true
	}
	return byteSet("\n;&|").has(s.text[s.at]) && (s.at == 0 || !byteSet("<>").has(s.text[s.at-1])) && !s.has("&>")
}

// substituted goes into <(…) or >(…), which are files to the command: what one of them prints, or reads.
func (s *shellScanner) substituted() {
	f := s.top()
	in := s.has("<(")
	if in && f.line.runs != "" {
		f.runs = f.line.runs
	}
	first := f.line.first
	s.push(command, 2)
	f = s.top()
	f.parens = 1
	if !in {
		f.line = pipeline{first: first, fed: true}
	}
}
