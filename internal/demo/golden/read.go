package golden

import (
	"bufio"
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed *.txt
var files embed.FS

// A Service is what the documentation says of a service.
type Service struct {
	ID         string
	Keys       []Key
	Needs      []string // headers that every request has
	Operations []Operation
}

// A Key is a place of what authenticates.
type Key struct {
	Kind  string // header, query, path, basic, oauth, sigv4
	Name  string // of the header or parameter
	Value string // with $SECRET for a secret; oauth: the address that gives tokens
}

// An Operation is one that is documented.
type Operation struct {
	Capability string
	Host       string
	Method     string
	Path       string // as documented, with {x}
	Parameters []string
	Content    string // media type; empty for no body
	pattern    *regexp.Regexp
	literal    int // how much of the path is no {x}
}

// Read returns the services, by id.
func Read() (map[string]*Service, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	all := map[string]*Service{}
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		s := &Service{ID: strings.TrimSuffix(e.Name(), ".txt")}
		if err := s.read(text); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all[s.ID] = s
	}
	return all, nil
}

func (s *Service) read(text []byte) error {
	host := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		ok := false
		switch {
		case words[0] == "host" && len(words) == 2:
			host, ok = words[1], true
		case words[0] == "needs" && len(words) == 2:
			s.Needs, ok = append(s.Needs, words[1]), true
		case words[0] == "key":
			ok = s.readKey(words[1:])
		case strings.Contains(words[0], "/") && len(words) >= 3 && host != "":
			ok = s.readOperation(host, words)
		}
		if !ok {
			return fmt.Errorf("line %d: what is %q?", n, lines.Text())
		}
	}
	if len(s.Keys) == 0 || len(s.Operations) == 0 {
		return fmt.Errorf("no key or no operation")
	}
	return lines.Err()
}

func (s *Service) readKey(words []string) bool {
	var k Key
	switch {
	case len(words) >= 3 && (words[0] == "header" || words[0] == "query"):
		k = Key{words[0], words[1], strings.Join(words[2:], " ")}
	case len(words) == 2 && words[0] != "header" && words[0] != "query":
		k = Key{Kind: words[0], Value: words[1]}
	default:
		return false
	}
	s.Keys = append(s.Keys, k)
	return true
}

func (s *Service) readOperation(host string, words []string) bool {
	path, query, _ := strings.Cut(words[2], "?")
	o := Operation{Capability: words[0], Host: host, Method: words[1], Path: path}
	if query != "" {
		o.Parameters = strings.Split(query, "&")
	}
	if len(words) > 3 {
		o.Content = words[3]
	}
	switch o.Content {
	case "json":
		o.Content = "application/json"
	case "form":
		o.Content = "application/x-www-form-urlencoded"
	case "multipart":
		o.Content = "multipart/form-data"
	}
	pattern := "^"
	for rest := path; rest != ""; {
		literal, after, found := strings.Cut(rest, "{")
		pattern += regexp.QuoteMeta(literal)
		o.literal += len(literal)
		if !found {
			break
		}
		var name string
		if name, rest, found = strings.Cut(after, "}"); !found {
			return false
		}
		if strings.HasSuffix(name, "...") {
			pattern += ".+"
		} else {
			pattern += "[^/]+"
		}
	}
	compiled, err := regexp.Compile(pattern + "$")
	if err != nil || len(words) > 4 {
		return false
	}
	o.pattern = compiled
	s.Operations = append(s.Operations, o)
	return true
}
