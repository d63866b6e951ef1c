package handoff

import (
	"path"
	"strings"
)

// Quotes keep a shell from reading a value as code, but they do not keep commands from doing so that take code as an argument, nor
// arithmetic, which runs the $(…) of a subscript. This file knows those.

// endOfWord looks at the word that ends here, and at what it makes of the rest of its command. Its error is about a value that the command
// reads.
func (s *shellScanner) endOfWord() error {
	f := s.top()
	word, at := "", f.word
	if f.word >= 0 {
		word = s.text[f.word:s.at]
		if s.seen != nil {
			s.seen(f, word)
		}
	}
	f.word = -1
	switch f.runs {
	case "":
	case "[[", "[":
		if word == strings.Repeat("]", len(f.runs)) {
			f.runs = ""
		}
	default:
		if s.endsCommand() {
			f.runs = ""
		}
	}
	if word != "" {
		if err := s.program(f, word, at); err != nil {
			return err
		}
	}
	if s.endsCommand() {
		f.takesCode = ""
	}
	return nil
}

// program looks at a word of a command that begins at a place, which may be the name of a program.
func (s *shellScanner) program(f *frame, word string, at int) error {
	f.line.open = false
	s.compound(f, word, at)
	word = unquoted(word)
	switch base := path.Base(word); base {
	case "eval", "let", "trap", "alias", "ssh":
		f.runs = base
	case "[[", "[", "test":
		if comparesNumbers(s.restOfLine()) {
			f.runs = base
		}
	case "declare", "typeset", "local", "readonly", "export":
		if declaresNumbers(s.restOfLine()) {
			f.runs = base
		}
	}
	if options := codeOptions(bareName(word)); options != "" {
		f.takesCode = options
	} else if option := givesCode(word, f.takesCode); option != "" {
		f.runs = "a program with " + option
	}
	if name := s.interpreter(word, at); name != "" {
		return s.runsInput(f, name)
	}
	return nil
}

// codeOptions returns the letters of the options with which a program takes code as an argument; empty: it takes none.
func codeOptions(program string) byteSet {
	switch program {
	case "sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "mksh", "su", "python":
		return "c"
	case "fish":
		return "cC"
	case "perl":
		return "eE"
	case "ruby", "lua":
		return "e"
	case "node":
		return "ep"
	case "php":
		return "rBRE"
	case "env":
		return "S"
	case "sudo":
		return "si" // they leave $NAME to a shell
	}
	return ""
}

// givesCode returns the option of a word, or of the beginning of one, that gives code to a program: -c, or one of several such as -ec.
func givesCode(word string, options byteSet) string {
	word, _, _ = strings.Cut(word, string(hole))
	if options == "" || len(word) < 2 || word[0] != '-' {
		return ""
	}
	if word[1] != '-' {
		if at := strings.IndexAny(word, string(options)); at > 0 {
			return word[:at+1]
		}
		return ""
	}
	switch name, _, _ := strings.Cut(word, "="); name {
	case "--eval", "--print", "--command", "--session-command", "--init-command", "--run", "--split-string":
		return name
	}
	return ""
}

func (s *shellScanner) restOfLine() string { return s.text[s.at:lineEnd(s.text, s.at)] }

// comparesNumbers reports whether a line has a comparison in it that some shells calculate.
func comparesNumbers(line string) bool {
	for _, operator := range []string{" -eq ", " -ne ", " -lt ", " -le ", " -gt ", " -ge ", " -v "} {
		if strings.Contains(line, operator) {
			return true
		}
	}
	return false
}

// declaresNumbers reports whether a declaration has the attribute of numbers, arrays or references, whose values some shells calculate.
func declaresNumbers(line string) bool {
	for _, word := range strings.Fields(line) {
		if word[0] != '-' {
			return false
		}
		if strings.ContainsAny(word, "iaAFEn") {
			return true
		}
	}
	return false
}

// maxName is the longest name of a variable that is looked for, in bytes.
const maxName = 256

// risk refuses the hole here if quotes do not protect the value.
func (s *shellScanner) risk() error {
	for _, f := range s.frames {
		if f.kind != command {
			continue
		}
		if f.runs != "" {
			return s.refuse("is given to " + f.runs + ", which may run or calculate what it reads, quoted or not")
		}
		if f.word < 0 {
			continue
		}
		if option := givesCode(unquoted(s.text[f.word:min(s.at, f.word+maxName)]), f.takesCode); option != "" {
			return s.refuse("is given to a program with " + option + ", which may run or calculate what it reads, quoted or not")
		}
		word := strings.TrimLeft(s.text[f.word:s.at], `"$`)
		if strings.IndexByte(word[:min(len(word), maxName)], '[') < 0 {
			continue
		}
		if name, inside, ok := strings.Cut(word, "["); ok && CheckName(name) == nil && !strings.Contains(inside, "]") {
			return s.refuse("stands within a subscript, which is arithmetic, which runs what it reads")
		}
	}
	return nil
}
