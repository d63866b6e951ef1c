package handoff

import (
	"path"
	"strings"
)

// Quotes keep a shell from reading a value as code, but they do not keep commands from doing so that take code as an argument, nor
// arithmetic, which runs the $(…) of a subscript. This file knows those.

// endOfWord looks at the word that ends here, and at what it makes of the rest of its command.
func (s *shellScanner) endOfWord() {
	f := s.top()
	word := ""
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
		if byteSet("\n;&|").has(s.text[s.at]) {
			f.runs = ""
		}
	}
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
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "su":
		f.takesCode = "c"
	case "python", "python2", "python3", "perl", "ruby", "node", "php", "lua", "env", "xargs", "sudo":
		f.takesCode = "cer"
	default:
		if n := len(word); f.takesCode != "" && n > 1 && word[0] == '-' && f.takesCode.has(word[n-1]) {
			f.runs = "a program with " + word
		}
	}
	if byteSet("\n;&|").has(s.text[s.at]) {
		f.takesCode = ""
	}
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
