package audit

import (
	"bytes"
	"strings"
	"testing"
)

func aLine() []byte {
	l := line{Head: Head{Seq: 91, Hash: [HashSize]byte{1}}, prev: [HashSize]byte{0xab}}
	l.hashed = append(make([]byte, hashedSize), "ciphertext of it"...)
	return l.append(nil)
}

// TestI17OneSpelling: no byte of a line can be written otherwise, so that nothing can be changed without changing the meaning.
func TestI17OneSpelling(t *testing.T) {
	t.Parallel()
	good := string(bytes.TrimSuffix(aLine(), []byte("\n")))
	if _, ok := newParser().record([]byte(good)); !ok {
		t.Fatal(good)
	}
	for name, s := range map[string]string{
		"case of a key":     strings.Replace(good, `"seq"`, `"Seq"`, 1),
		"spaces":            strings.Replace(good, `,`, `, `, 1),
		"leading zero":      strings.Replace(good, `91`, `091`, 1),
		"plus":              strings.Replace(good, `91`, `+91`, 1),
		"fraction":          strings.Replace(good, `91`, `91.0`, 1),
		"zero":              strings.Replace(good, `91`, `0`, 1),
		"too large":         strings.Replace(good, `91`, `18446744073709551616`, 1),
		"upper-case hex":    strings.Replace(good, `ab00`, `AB00`, 1),
		"carriage return":   strings.Replace(good, `CBv`, "CB\rv", 1),
		"base64 tail bits":  strings.Replace(good, `A==`, `B==`, 1),
		"escaped":           strings.Replace(good, `"hash"`, `"h\u0061sh"`, 1),
		"one more field":    strings.TrimSuffix(good, "}") + `,"x":1}`,
		"something behind":  good + " ",
		"something before":  " " + good,
		"no base64 padding": strings.Replace(good, `==`, ``, 1),
		"empty":             "",
	} {
		if s == good {
			t.Fatalf("%s: not changed", name)
		}
		if _, ok := newParser().record([]byte(s)); ok {
			t.Errorf("%s: accepted: %s", name, s)
		}
	}
	head := strings.TrimSuffix(string(header{Vault: "v", Epoch: 1, First: 90}.append(nil)), "\n")
	if _, _, ok := parseHeader([]byte(head)); !ok {
		t.Fatal(head)
	}
	if _, newer, _ := parseHeader([]byte(strings.Replace(head, `"format":1`, `"format":2,"x":1`, 1))); !newer {
		t.Error("a later format is not recognised")
	}
	for _, s := range []string{strings.Replace(head, `"v"`, `""`, 1), strings.Replace(head, `"v"`, `"v v"`, 1), strings.Replace(head, `90`, `0`, 1), head + "x"} {
		if _, _, ok := parseHeader([]byte(s)); ok {
			t.Errorf("accepted: %s", s)
		}
	}
}

// FuzzLine: a line that parses is written back byte for byte, and so is a header.
func FuzzLine(f *testing.F) {
	f.Add(bytes.TrimSuffix(aLine(), []byte("\n")))
	f.Add(bytes.TrimSuffix(header{Vault: "v", Epoch: 1, First: 1}.append(nil), []byte("\n")))
	f.Add([]byte(`{"seq":1,"prev":"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if ln, ok := newParser().record(b); ok {
			if got := ln.append(nil); string(got) != string(b)+"\n" {
				t.Fatalf("%q\n%q", b, got)
			}
		}
		if h, newer, ok := parseHeader(b); ok {
			if got := h.append(nil); newer || string(got) != string(b)+"\n" {
				t.Fatalf("%q\n%q", b, got)
			}
		}
		torn(b)
	})
}
