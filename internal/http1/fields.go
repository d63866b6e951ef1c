package http1

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tacit/internal/httpgrammar"
)

// appendStatus appends the first line of an answer.
func appendStatus(b []byte, old bool, status int) []byte {
	if old {
		b = append(b, "HTTP/1.0 "...)
	} else {
		b = append(b, "HTTP/1.1 "...)
	}
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	return append(b, "\r\n"...)
}

// appendFields appends what the handler says in the header, and takes out of it what is the server's to say.
func (w *response) appendFields(b []byte) []byte {
	for name, values := range w.header {
		switch name {
		case "Content-Length":
			if len(values) > 0 {
				if n, ok := parseLength(values[0]); ok {
					w.length = n
				}
			}
			continue
		case "Connection":
			w.closes = w.closes || httpgrammar.ListHas(values, "close")
			continue
		case "Trailer":
			w.declare(values)
			continue
		case "Transfer-Encoding":
			continue
		}
		if !httpgrammar.IsToken(name) {
			continue
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	if _, ok := w.header["Date"]; !ok {
		b = append(b, "Date: "...)
		b = append(b, w.conn.server.date.now()...)
		b = append(b, "\r\n"...)
	}
	return b
}

// declare notes the names of trailers that the handler will set.
func (w *response) declare(lines []string) {
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t"))
			if httpgrammar.IsToken(name) && name != "Content-Length" && name != "Transfer-Encoding" && name != "Trailer" {
				w.trailers = append(w.trailers, name)
			}
		}
	}
}

// appendFraming appends how long the body is, and the end of the head. When nothing follows what waits, its length is known.
func (w *response) appendFraming(b []byte, last bool) []byte {
	w.closes = w.closes || w.message.closes || w.conn.server.closing.Load() || w.body.hopeless()
	switch {
	case w.bodyless() && w.status != http.StatusNotModified:
	case w.length >= 0:
		b = appendLength(b, w.length)
	case w.bodyless(), w.isHead() && (!last || w.written == 0):
	case last && len(w.trailers) == 0:
		b = appendLength(b, w.written)
	case w.isHead():
	case w.message.old:
		w.closes = true // that is where it ends
	default:
		w.chunked = true
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		for _, name := range w.trailers {
			b = appendField(b, "Trailer", name)
		}
	}
	if w.closes {
		b = append(b, "Connection: close\r\n"...)
	}
	return append(b, "\r\n"...)
}

func appendLength(b []byte, n int64) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, "\r\n"...)
}

// appendTrailers appends those that were declared and are set now, and the end of the body.
func (w *response) appendTrailers(b []byte) []byte {
	for _, name := range w.trailers {
		for _, v := range w.header[name] {
			b = appendField(b, name, v)
		}
	}
	return append(b, "\r\n"...)
}

// appendField appends a line. What would end it early is a space instead.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	for i := range len(value) {
		if c := value[i]; httpgrammar.IsControl(c) {
			b = append(b, ' ')
		} else {
			b = append(b, c)
		}
	}
	return append(b, "\r\n"...)
}

// appendHex appends the line before a chunk.
func appendHex(b []byte, n int) []byte {
	b = strconv.AppendInt(b, int64(n), 16)
	return append(b, "\r\n"...)
}

// A date is the value of Date, made once a second.
type date struct{ last atomic.Pointer[second] }

type second struct {
	at   int64
	text string
}

func (d *date) now() string {
	now := time.Now()
	if s := d.last.Load(); s != nil && s.at == now.Unix() {
		return s.text
	}
	s := &second{now.Unix(), now.UTC().Format(http.TimeFormat)}
	d.last.Store(s)
	return s.text
}
