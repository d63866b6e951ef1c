package demo

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// maxQuestion bounds the JSON that is read whole, in bytes. Uploads are not.
const maxQuestion = 4 << 20

// tokenPrefix is what tacit's own tokens begin with. One that gets here has taken the place of the key that it stands for.
const tokenPrefix = "tacit_"

// NewHandler returns what an upstream answers with. It accepts key, or any key if that is empty, but no token of tacit's; now is for the
// dates in answers.
func NewHandler(key string, now func() time.Time) http.Handler {
	h := &handler{key: key, now: now}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", h.models)
	mux.HandleFunc("GET /v1/models/{id}", h.model)
	mux.HandleFunc("POST /v1/chat/completions", h.chat)
	mux.HandleFunc("POST /v1/responses", h.responses)
	mux.HandleFunc("POST /v1/embeddings", h.embeddings)
	mux.HandleFunc("GET /v1/files", h.files)
	mux.HandleFunc("POST /v1/files", h.upload)
	mux.HandleFunc("POST /v1/messages", h.messages)

	mux.HandleFunc("/demo/echo", h.echo)
	mux.HandleFunc("/demo/echo/", h.echo)
	mux.HandleFunc("GET /demo/leak", h.leaks)
	mux.HandleFunc("GET /demo/leak/{form}", h.leak)
	mux.HandleFunc("/demo/redirect", h.redirect)
	mux.HandleFunc("/demo/redirect/", h.redirect)
	mux.HandleFunc("/demo/status/{code}", h.status)
	mux.HandleFunc("GET /demo/sse", h.sse)
	mux.HandleFunc("GET /demo/slow", h.slow)
	mux.HandleFunc("GET /demo/endless", h.endless)
	mux.HandleFunc("GET /demo/bytes/{count}", h.bytes)
	mux.HandleFunc("/demo/upload", h.count)
	mux.HandleFunc("/demo/upload/", h.count)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, http.StatusNotFound, "not_found_error", "there is nothing at "+r.URL.EscapedPath())
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.accepts(keyOf(r)) {
			refuse(w, r, http.StatusUnauthorized, "authentication_error", "no key, or not the right one")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type handler struct {
	key string
	now func() time.Time
}

// keyOf returns the key of a request, where OpenAI has it or where Anthropic has it.
func keyOf(r *http.Request) string {
	if key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return key
	}
	return r.Header.Get("X-Api-Key")
}

func (h *handler) accepts(key string) bool {
	switch {
	case key == "" || strings.Contains(key, tokenPrefix):
		return false
	case h.key == "":
		return true
	}
	return subtle.ConstantTimeCompare([]byte(key), []byte(h.key)) == 1
}

// asAnthropic reports whether a request is one of Anthropic's API.
func asAnthropic(r *http.Request) bool { return r.Header.Get("Anthropic-Version") != "" }

// object is JSON that is answered.
type object = map[string]any

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // whoever asked may have gone
}

// refuse answers with an error in the form of the API that was asked.
func refuse(w http.ResponseWriter, r *http.Request, status int, kind, message string) {
	if asAnthropic(r) {
		answer(w, status, object{"type": "error", "error": object{"type": kind, "message": message}})
		return
	}
	answer(w, status, object{"error": object{"message": message, "type": kind, "param": nil, "code": nil}})
}

// question reads the JSON of a request into v, or refuses it.
func question(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion)).Decode(v); err != nil {
		refuse(w, r, http.StatusBadRequest, "invalid_request_error", "the body is not the JSON that belongs here")
		return false
	}
	return true
}

// flusher makes each write leave at once.
type flusher struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func flushing(w http.ResponseWriter) *flusher { return &flusher{w, http.NewResponseController(w)} }

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.c.Flush()
}
