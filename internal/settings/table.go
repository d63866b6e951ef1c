package settings

import (
	"fmt"
	"slices"
	"time"

	"tacit/internal/fault"
	"tacit/internal/when"
)

// A Place is where something stands in a file. Line and Column count from 1; 0 is unknown.
type Place struct {
	File         string
	Line, Column int
}

// String is how errors begin: "tacit.yaml:4". A place outside of any file is empty.
func (p Place) String() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// A Value is what stands behind a key: one of a text, a list or a table.
type Value struct {
	Place Place
	Text  string  // of a scalar, as it is written: "true", "300s", "50"
	Null  bool    // nothing stands there, or null; Text is empty
	Block bool    // Text is a block of lines, which begins on the next line
	List  []Value // not nil for a list
	Table *Table  // not nil for a table
}

// A Member is a key of a table with its value.
type Member struct {
	Key   string
	Value Value
	Place Place // of the key
}

// A Table is keys with values, in the order of the file. The zero Table is empty and usable.
type Table struct {
	Place   Place
	Members []Member

	asked []string
	err   error // the first thing that was wrong
}

// find returns the value of key, and remembers that somebody knows this key.
func (t *Table) find(key string) (Value, bool) {
	t.asked = append(t.asked, key)
	for _, m := range t.Members {
		if m.Key == key {
			return m.Value, true
		}
	}
	return Value{}, false
}

// Wrong remembers that the value of key cannot be used, and why: "ttl is a duration, such as 300s". [Table.Done] returns the first.
func (t *Table) Wrong(key, format string, args ...any) {
	v, ok := t.find(key)
	if !ok {
		v.Place = t.Place
	}
	t.wrong(v.Place, format, args...)
}

func (t *Table) wrong(at Place, format string, args ...any) {
	if t.err != nil {
		return
	}
	message := fmt.Sprintf(format, args...)
	if where := at.String(); where != "" {
		message = where + ": " + message
	}
	t.err = fault.New(fault.Usage, "%s", message).About(at.File).WithFix("mend that line; docs/cli.md says what may stand there")
}

// Has reports whether key is there.
func (t *Table) Has(key string) bool { _, ok := t.find(key); return ok }

// Text returns the text behind key, or otherwise when it is not there.
func (t *Table) Text(key, otherwise string) string {
	v, ok := t.find(key)
	if !ok {
		return otherwise
	}
	if v.List != nil || v.Table != nil {
		t.wrong(v.Place, "%s is a line of text", key)
		return otherwise
	}
	return v.Text
}

// Flag returns true or false.
func (t *Table) Flag(key string, otherwise bool) bool {
	switch s := t.Text(key, fmt.Sprint(otherwise)); s {
	case "true", "false":
		return s == "true"
	}
	t.Wrong(key, "%s is true or false", key)
	return otherwise
}

// Number returns a whole number from low to high.
func (t *Table) Number(key string, otherwise, low, high int) int {
	if !t.Has(key) {
		return otherwise
	}
	var n int
	s := t.Text(key, "")
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || fmt.Sprint(n) != s || n < low || n > high {
		t.Wrong(key, "%s is a number from %d to %d", key, low, high)
		return otherwise
	}
	return n
}

// Duration returns a duration such as 300s or 30d; 0 is one.
func (t *Table) Duration(key string, otherwise time.Duration) time.Duration {
	if !t.Has(key) {
		return otherwise
	}
	s := t.Text(key, "")
	if s == "0" {
		return 0
	}
	d, err := when.Duration(s)
	if err != nil {
		t.Wrong(key, "%s is a duration, such as 300s", key)
		return otherwise
	}
	return d
}

// Texts returns the texts of a list; nil when key is not there.
func (t *Table) Texts(key string) []string {
	v, ok := t.find(key)
	if !ok {
		return nil
	}
	if v.List == nil {
		t.wrong(v.Place, "%s is a list", key)
		return nil
	}
	all := make([]string, 0, len(v.List))
	for _, x := range v.List {
		if x.List != nil || x.Table != nil {
			t.wrong(x.Place, "%s is a list of lines of text", key)
			return nil
		}
		all = append(all, x.Text)
	}
	return all
}

// Sub returns the table behind key; nil when key is not there. The caller calls Done of it too.
func (t *Table) Sub(key string) *Table {
	v, ok := t.find(key)
	if !ok {
		return nil
	}
	if v.Table == nil {
		t.wrong(v.Place, "%s is a table of keys with values", key)
		return nil
	}
	return v.Table
}

// Done returns the first thing that was wrong with what was asked for, else an error for the first key that nobody asked for. Errors
// are of class fault.Usage and begin with file and line.
func (t *Table) Done() error {
	for _, m := range t.Members {
		if !slices.Contains(t.asked, m.Key) {
			t.wrong(m.Value.Place, "unknown key %q", m.Key[:min(len(m.Key), 64)])
		}
	}
	return t.err
}
