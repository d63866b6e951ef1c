package handoff

import (
	"slices"
	"strings"
)

// A hereDoc is a here-document: lines that are a command's input.
type hereDoc struct {
	end  string // the line that ends it
	raw  bool   // its delimiter is quoted: nothing in it means anything
	tabs bool   // <<-: tabs at the beginning of lines are dropped
	runs string // a program on its line that runs what it reads
}

// hereOperator reads << and the delimiter behind it.
func (s *shellScanner) hereOperator() error {
	if s.top().parens > 0 {
		s.lost = "a here-document within $(…), of which not every shell sees the same end"
		return nil
	}
	s.at += 2
	var doc hereDoc
	if s.has("-") {
		doc.tabs = true
		s.at++
	}
	s.at += len(s.text[s.at:]) - len(strings.TrimLeft(s.text[s.at:], " \t"))
	word := s.text[s.at:lineEnd(s.text, s.at)]
	if end := strings.IndexAny(word, " \t\r;&|<>()"); end >= 0 {
		word = word[:end]
	}
	s.at += len(word)
	plain := strings.Trim(word, `'"`)
	doc.raw = len(word)-len(plain) == 2 && word[0] == word[len(word)-1]
	if plain == "" || strings.ContainsAny(plain, "'\"\\$`\x00") || !doc.raw && plain != word {
		s.lost = "a here-document with an unusual delimiter"
		return nil
	}
	doc.end, doc.runs = plain, s.top().line.runs
	s.here = append(s.here, doc)
	return nil
}

// hereDocs goes over the here-documents that begin on this line.
func (s *shellScanner) hereDocs() error {
	for _, doc := range s.here {
		size := doc.size(s.text[s.at:])
		if size < 0 {
			s.lost = "a here-document without an end"
			return nil
		}
		if err := s.hereLines(doc, s.at+size); err != nil {
			return err
		}
		_, rest, _ := strings.Cut(s.text[s.at:], "\n") // the line that ends it
		s.at = len(s.text) - len(rest)
	}
	s.here = nil
	return nil
}

// isEnd reports whether a line, without its line break, ends the document.
func (d hereDoc) isEnd(line string) bool {
	if d.tabs {
		line = strings.TrimLeft(line, "\t")
	}
	return line == d.end
}

// size is where the line is that ends the document, or -1.
func (d hereDoc) size(text string) int {
	at := 0
	for line := range strings.Lines(text) {
		if d.isEnd(strings.TrimSuffix(line, "\n")) {
			return at
		}
		at += len(line)
	}
	return -1
}

// hereLines makes spans of the lines with holes, up to end.
func (s *shellScanner) hereLines(doc hereDoc, end int) error {
	body := s.text[s.at:end]
	if first := strings.IndexByte(body, hole); first >= 0 {
		if doc.runs != "" {
			return s.refuseInput(s.at+first, doc.runs)
		}
		if err := s.risk(); err != nil {
			return err
		}
	}
	last := strings.LastIndexByte(body, hole)
	if s.expand && doc.raw && last >= 0 {
		return &unfit{holeAt(s.text, s.at+last), "stands in a here-document that expands nothing", "write its delimiter without quotes: <<" + doc.end}
	}
	write := doc.write
	if s.expand {
		write = each(func(v string) (string, error) { return "${" + v + "}", nil })
	}
	if !doc.raw && last >= 0 {
		if at := strangeInHere(body[:last+1]); at >= 0 {
			return &unfit{holeAt(s.text, s.at+at+strings.IndexByte(body[at:], hole)), "stands in a here-document behind a substitution", shellWayOut}
		}
	}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if strings.IndexByte(line, hole) >= 0 {
			s.spans = append(s.spans, span{start: s.at, end: s.at + len(line), from: s.at, to: s.at + len(line), write: write})
		}
		s.at += len(line) + 1
	}
	s.at = end
	return nil
}

// strangeInHere returns where a here-document has something other than text, $NAME, ${NAME} and holes, or -1.
func strangeInHere(body string) int {
	for i := 0; i < len(body); i++ {
		next := byte('\n')
		if i+1 < len(body) {
			next = body[i+1]
		}
		switch {
		case body[i] == '\\' && next == hole, body[i] == '`':
			return i
		case body[i] == '\\':
			i++
		case body[i] == '$' && next == '{':
			name, _, ok := strings.Cut(body[i+2:], "}")
			if !ok || CheckName(name) != nil {
				return i
			}
		case body[i] == '$' && byteSet("([\x00").has(next):
			return i
		}
	}
	return -1
}

// write puts values into a line of the document.
func (d hereDoc) write(bits []bit) (string, error) {
	var plain, out strings.Builder
	last := bits[0]
	for _, b := range bits {
		if !b.value {
			plain.WriteString(b.text)
			out.WriteString(b.text)
			continue
		}
		last = b
		lines := strings.Split(b.text, "\n")
		atStart := strings.Trim(plain.String(), "\t") == ""
		switch {
		case strings.Contains(b.text, "\x00"):
			return "", of(b, errNUL("a shell"))
		case d.tabs && (strings.HasPrefix(b.text, "\t") && atStart || slices.ContainsFunc(lines[1:], func(l string) bool { return strings.HasPrefix(l, "\t") })):
			return "", of(b, &misfit{"has a line that begins with a tab, which <<- drops", "use << instead"})
		}
		plain.WriteString(b.text)
		if d.raw {
			out.WriteString(b.text)
		} else {
			out.WriteString(strings.NewReplacer(`\`, `\\`, `$`, `\$`, "`", "\\`").Replace(b.text))
		}
	}
	for _, written := range []string{plain.String(), out.String()} {
		for line := range strings.SplitSeq(written, "\n") {
			if d.isEnd(line) || d.isEnd(strings.TrimSuffix(line, "\r")) {
				return "", of(last, &misfit{"has the line that ends the here-document", "choose another delimiter: <<'END_OF_FILE'"})
			}
		}
	}
	return out.String(), nil
}
