package broker

import "bytes"

// events hides members of the JSON in the data of a text/event-stream (HTML, section 9.2.6). The data of an event is JSON when it
// begins like an object or an array; other data has no members, and is passed on.
type events struct {
	names []string
	json  *members // of this event
	count int      // in the events before it

	mark int // of the byte order mark that the stream may begin with: how many bytes of it have come, or done
	line lineState
	said int  // how many bytes of "data" the line has begun with
	any  bool // the line is not empty
	cr   bool // the last byte was one: a line feed belongs to it
	data dataState
	lost []byte // what members says to a line's end, which is not part of the JSON
}

// A lineState is where in a line the stream is.
type lineState uint8

const (
	inField lineState = iota // of which it may be data:
	inOther
	afterColon
	inData
)

// A dataState is what the data of the event is.
type dataState uint8

const (
	dataUnknown dataState = iota
	dataJSON
	dataText
)

const byteOrderMark = "\xef\xbb\xbf"

func newEvents(names []string) *events { return &events{names: names, json: newMembers(names)} }

func (e *events) hidden() int { return e.count + e.json.hidden() }

// end lets the stream end anywhere: an event that is not complete is none.
func (e *events) end() error { return nil }

func (e *events) append(dst, text []byte) ([]byte, error) {
	for len(text) > 0 {
		c := text[0]
		if e.mark < len(byteOrderMark) {
			if c == byteOrderMark[e.mark] {
				e.mark++
				dst, text = append(dst, c), text[1:]
				continue
			}
			e.mark = len(byteOrderMark)
		}
		if c == '\r' || c == '\n' {
			if err := e.endOfLine(c); err != nil {
				return dst, err
			}
			dst, text = append(dst, c), text[1:]
			continue
		}
		e.cr, e.any = false, true
		switch e.line {
		case inField:
			e.field(c)
			dst, text = append(dst, c), text[1:]
		case afterColon:
			e.line = inData
			if c == ' ' { // one space belongs to the field
				dst, text = append(dst, c), text[1:]
			}
		default:
			n := bytes.IndexAny(text, "\r\n")
			if n < 0 {
				n = len(text)
			}
			var err error
			if dst, err = e.rest(dst, text[:n]); err != nil {
				return dst, err
			}
			text = text[n:]
		}
	}
	return dst, nil
}

// field is a byte of the name of a field.
func (e *events) field(c byte) {
	const data = "data"
	switch {
	case e.said < len(data) && c == data[e.said]:
		e.said++
	case e.said == len(data) && c == ':':
		e.line = afterColon
	default:
		e.line = inOther
	}
}

// rest is what stands in a line behind the name of its field.
func (e *events) rest(dst, text []byte) ([]byte, error) {
	if e.line == inData && e.data == dataUnknown {
		if begin := bytes.TrimLeft(text, " \t"); len(begin) > 0 {
			e.data = dataText
			if begin[0] == '{' || begin[0] == '[' {
				e.data = dataJSON
			}
		}
	}
	if e.line == inData && e.data == dataJSON {
		return e.json.append(dst, text)
	}
	return append(dst, text...), nil
}

// endOfLine ends a line, and an event when the line is empty.
func (e *events) endOfLine(c byte) (err error) {
	if c == '\n' && e.cr {
		e.cr = false
		return nil
	}
	e.cr = c == '\r'
	switch {
	case !e.any:
		if e.data == dataJSON {
			err = e.json.end()
		}
		e.count += e.json.hidden()
		e.json, e.data = newMembers(e.names), dataUnknown
	case e.data == dataJSON && (e.line == inData || e.line == afterColon):
		// The lines of an event's data are joined by line feeds.
		e.lost, err = e.json.append(e.lost[:0], []byte{'\n'})
	}
	e.line, e.said, e.any = inField, 0, false
	return err
}
