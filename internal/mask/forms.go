package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
)

// Forms returns every form of the value that is masked, each once, for a value of min bytes or more; nil for a shorter one. A form
// with escapes, or in hex, stands there twice: with lower-case digits and with upper-case ones. (Mixed ones are masked too.)
func Forms(value []byte, min int) [][]byte {
	var all [][]byte
	seen := map[string]bool{}
	for _, d := range []digits{lowerDigits, upperDigits} {
		eachForm(value, min, d, func(form []byte, _ bool) {
			if !seen[string(form)] {
				seen[string(form)] = true
				all = append(all, form)
			}
		})
	}
	return all
}

// eachForm calls add with every form of the value, some more than once. anyCase says that the form has hexadecimal digits which
// may come in either case; they are written with d.
func eachForm(value []byte, min int, d digits, add func(form []byte, anyCase bool)) {
	atLeast := func(form []byte, anyCase bool) {
		if len(form) > 0 && len(form) >= min {
			add(form, anyCase)
		}
	}
	if len(value) < min {
		return
	}
	eachEncoding(value, min, d, atLeast)
	if trimmed := bytes.TrimSpace(value); len(trimmed) < len(value) && len(trimmed) >= min {
		eachEncoding(trimmed, min, d, atLeast)
	}
	for line := range bytes.FieldsFuncSeq(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
		atLeast(bytes.TrimSpace(line), false)
	}
}

func eachEncoding(value []byte, min int, d digits, add func(form []byte, anyCase bool)) {
	add(value, false)
	if bytes.IndexByte(value, '\n') >= 0 {
		add(bytes.ReplaceAll(value, []byte("\n"), []byte("\r\n")), false) // what a terminal makes of it
	}
	eachBase64(value, add)
	inHex := hex.AppendEncode(nil, value)
	if d == upperDigits {
		inHex = bytes.ToUpper(inHex)
	}
	add(inHex, true)
	if isPlain(value) {
		return // as most keys are: every style leaves it as it is
	}
	has := contentsOf(value)
	for _, s := range distinct(urlStyles[:], func(s urlStyle) string { return s.effect(has) }) {
		add(s.escape(value, d))
	}
	for _, s := range distinct(jsonStyles[:], func(s jsonStyle) string { return s.effect(has) }) {
		form, anyCase, kept := s.escape(value, d)
		// Bytes that are no UTF-8 all become the same character. What has nothing else would hide all such text.
		if kept >= min {
			add(form, anyCase)
		}
	}
}

// distinct returns those of the styles that differ in their effect: most are alike to most values.
func distinct[Style any](styles []Style, effect func(Style) string) []Style {
	var kept []Style
	var effects []string
	for _, s := range styles {
		if e := effect(s); !slices.Contains(effects, e) {
			kept, effects = append(kept, s), append(effects, e)
		}
	}
	return kept
}

// eachBase64 adds what the value becomes when 0, 1 or 2 bytes, modulo 3, stand before it in the encoded text; and in base64url, where that
// differs.
func eachBase64(value []byte, add func(form []byte, anyCase bool)) {
	for before := range 3 {
		first := (8*before + 5) / 6          // the first character that holds bits of the value only
		end := 8 * (before + len(value)) / 6 // the end of the last such character
		text := base64.RawStdEncoding.AppendEncode(nil, append(make([]byte, before), value...))
		inGroup := len(text) % 4
		for {
			add(text[first:max(first, end)], false) // more follows in the encoded text
			add(text[first:], false)                // nothing follows
			add(pad(text, inGroup)[first:], false)  // nothing follows
			if !bytes.ContainsAny(text[first:], "+/") {
				break
			}
			text = forURL(text)
		}
	}
}

// forURL returns base64 text as base64url.
func forURL(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte{'+'}, []byte{'-'}), []byte{'/'}, []byte{'_'})
}

// pad appends what base64 text with so many characters in its last group lacks.
func pad(text []byte, inLast int) []byte {
	switch inLast {
	case 2:
		return append(text, "=="...)
	case 3:
		return append(text, '=')
	}
	return text
}
