package agefile

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// A document is the plaintext of a file: names with texts, and whatever else its format carries.
type document interface {
	// each calls fn with every key, in order.
	each(fn func(key string))
	// get returns the value of a key; errAbsent if there is none. Other errors say that it is no text; they quote nothing.
	get(key string) ([]byte, error)
	// set gives a key a value, as text or, when plain is false, as base64. The value is copied.
	set(key string, value []byte, plain bool) error
	remove(key string)
	// text returns the plaintext.
	text() ([]byte, error)
}

var (
	errAbsent   = errors.New("there is no such key")
	errNoText   = errors.New("it is no text, nor an object with value or value_base64")
	errForm     = errors.New("what is encrypted is not one object of names and texts")
	errTwice    = errors.New("what is encrypted has a name twice")
	errCannotBe = errors.New("its format cannot hold the value")
)

// formatOf returns the format of a file by its name: "json", "yaml", "env" or, if that does not say, "".
func formatOf(path string) string {
	switch filepath.Ext(strings.TrimSuffix(strings.ToLower(path), ".age")) {
	case ".json":
		return "json"
	case ".yaml", ".yml":
		return "yaml"
	case ".env":
		return "env"
	}
	return ""
}

// parse reads a plaintext.
func parse(format string, text []byte) (document, error) {
	if !utf8.Valid(text) {
		return nil, errForm
	}
	switch format {
	case "json":
		return parseJSON(text)
	case "env":
		return parseEnv(text)
	}
	return parseYAML(text)
}

// change gives a key a value, or with nil none, and returns the new plaintext, read back: every secret in it is what it was, and this
// one what it should be. What the format cannot carry as text it carries as base64.
func change(format string, text []byte, key string, value []byte) ([]byte, error) {
	for _, plain := range []bool{true, false} {
		d, err := parse(format, text)
		if err != nil {
			return nil, err
		}
		if value == nil {
			d.remove(key)
		} else if err := d.set(key, value, plain); err != nil {
			continue
		}
		changed, err := d.text()
		if err == nil && sameBut(format, text, changed, key, value) {
			return changed, nil
		}
	}
	return nil, errCannotBe
}

// sameBut reports whether two plaintexts hold the same, but for one key, which has the value in the second, or is not there.
func sameBut(format string, before, after []byte, key string, value []byte) bool {
	a, err := parse(format, before)
	if err != nil {
		return false
	}
	b, err := parse(format, after)
	if err != nil {
		return false
	}
	same, had := true, 0
	a.each(func(k string) {
		if k == key {
			had = 1
			return
		}
		x, xErr := a.get(k)
		y, yErr := b.get(k)
		same = same && bytes.Equal(x, y) && errors.Is(yErr, xErr)
	})
	got, err := b.get(key)
	has := 0
	if value == nil {
		return same && errors.Is(err, errAbsent) && count(b) == count(a)-had
	}
	has = 1
	return same && err == nil && bytes.Equal(got, value) && count(b) == count(a)-had+has
}

func count(d document) (n int) {
	d.each(func(string) { n++ })
	return n
}
