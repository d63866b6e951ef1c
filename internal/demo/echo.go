package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxEcho is how much of a body an echo repeats, in bytes.
const maxEcho = 64 << 10

// echo says what arrived, the key too.
func (h *handler) echo(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	var body strings.Builder
	n, err := io.Copy(io.MultiWriter(sum, &limited{&body, maxEcho}), r.Body)
	if err != nil {
		return // the caller has gone
	}
	text := any(body.String())
	if !utf8.ValidString(body.String()) {
		text = nil
	}
	answer(w, http.StatusOK, object{
		"method": r.Method, "path": r.URL.EscapedPath(), "query": r.URL.RawQuery, "protocol": r.Proto, "host": r.Host,
		"headers": r.Header, "body": text, "bytes": n, "sha256": hex.EncodeToString(sum.Sum(nil)),
	})
}

// count takes any amount of anything.
func (h *handler) count(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		return
	}
	answer(w, http.StatusOK, object{"bytes": n, "sha256": hex.EncodeToString(sum.Sum(nil))})
}

// redirect sends the caller elsewhere: to the address in the parameter to.
func (h *handler) redirect(w http.ResponseWriter, r *http.Request) {
	to := r.URL.Query().Get("to")
	if to == "" {
		to = "https://elsewhere.example/"
	}
	w.Header()["Location"] = []string{to}
	answer(w, http.StatusTemporaryRedirect, object{"redirected": true})
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil || code < 200 || code > 599 {
		refuse(w, r, http.StatusBadRequest, "invalid_request_error", "a status is a number from 200 to 599")
		return
	}
	if code == http.StatusNoContent || code == http.StatusNotModified {
		w.WriteHeader(code)
		return
	}
	answer(w, code, object{"status": code})
}

// number returns a parameter of the query that is a number from 0 to limit.
func number(r *http.Request, name string, otherwise, limit int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 0 {
		return otherwise
	}
	return min(n, limit)
}

func (h *handler) sse(w http.ResponseWriter, r *http.Request) {
	e := newEvents(w)
	for i := range number(r, "n", 3, 1_000_000) {
		e.send("tick", object{"n": i + 1})
		if r.Context().Err() != nil {
			return
		}
	}
	e.send("", "[DONE]")
}

// slow keeps the caller waiting: ms milliseconds for the answer, and every milliseconds for each of its n lines.
func (h *handler) slow(w http.ResponseWriter, r *http.Request) {
	if !wait(r, number(r, "ms", 0, 600_000)) {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	f := flushing(w)
	for i := range number(r, "n", 1, 1_000_000) {
		if i > 0 && !wait(r, number(r, "every", 0, 600_000)) {
			return
		}
		if _, err := io.WriteString(f, "line "+strconv.Itoa(i+1)+"\n"); err != nil {
			return
		}
	}
}

// wait waits, unless the caller goes.
func wait(r *http.Request, milliseconds int) bool {
	t := time.NewTimer(time.Duration(milliseconds) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// endless does not end before the caller does.
func (h *handler) endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	line := []byte(strings.Repeat("and so on, ", 100) + "\n")
	for {
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

func (h *handler) bytes(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.PathValue("count"), 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		refuse(w, r, http.StatusBadRequest, "invalid_request_error", "how many bytes?")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	block := make([]byte, 64<<10)
	for i := range block {
		block[i] = byte(i)
	}
	for n > 0 {
		wrote, err := w.Write(block[:min(n, int64(len(block)))])
		if err != nil {
			return
		}
		n -= int64(wrote)
	}
}
