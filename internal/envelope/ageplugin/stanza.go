package ageplugin

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what a plugin may say (I08). A stanza of the largest post-quantum recipient has 2 KiB.
const (
	maxLine = 16 << 10
	maxBody = 64 << 10
	maxSaid = 1 << 20 // in one conversation
)

const (
	columns      = 64 // of base64 a line
	bytesPerLine = columns / 4 * 3
)

var errMalformed = errors.New("malformed answer")

// stanza is the unit of the protocol: the one of age headers.
//
//	-> TYPE ARGUMENT…
//	BODY, in unpadded base64, 64 columns a line, ending with a shorter line, which may be empty
type stanza struct {
	kind string
	args []string
	body []byte
}

func (s stanza) write(w io.Writer) error {
	var b strings.Builder
	b.WriteString("->")
	for _, word := range append([]string{s.kind}, s.args...) {
		if word == "" || strings.IndexFunc(word, func(r rune) bool { return r < 33 || r > 126 }) >= 0 {
			return fmt.Errorf("no stanza argument: %q", word)
		}
		b.WriteString(" " + word)
	}
	b.WriteByte('\n')
	text := base64.RawStdEncoding.EncodeToString(s.body)
	for ; len(text) >= columns; text = text[columns:] {
		b.WriteString(text[:columns] + "\n")
	}
	b.WriteString(text + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func readStanza(r *bufio.Reader) (stanza, error) {
	line, err := readLine(r)
	if err != nil {
		return stanza{}, err
	}
	words := strings.Split(line, " ")
	if len(words) < 2 || words[0] != "->" {
		return stanza{}, errMalformed
	}
	s := stanza{kind: words[1], args: words[2:]}
	for {
		line, err := readLine(r)
		if err != nil {
			return stanza{}, err
		}
		part, err := base64.RawStdEncoding.Strict().DecodeString(line)
		if err != nil || len(part) > bytesPerLine || strings.Contains(line, "\r") { // which encoding/base64 passes over
			return stanza{}, errMalformed
		}
		if s.body = append(s.body, part...); len(s.body) > maxBody {
			return stanza{}, errMalformed
		}
		if len(part) < bytesPerLine {
			return s, nil
		}
	}
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n') // r's buffer is maxLine
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errMalformed
	case errors.Is(err, io.EOF):
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	return string(line[:len(line)-1]), nil
}
