package demo

import (
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
)

// A leak is a way to give away a key that was sent.
type leak struct {
	name string
	show func(w http.ResponseWriter, key string)
}

// leakForms are all of them. What a broker that cleans answers lets through of one is its failure.
func leakForms() []leak {
	text := func(encode func(string) string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, key string) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, "the key is "+encode(key)+", they say\n")
		}
	}
	return []leak{
		{"plain", text(func(k string) string { return k })},
		{"base64", text(func(k string) string { return base64.StdEncoding.EncodeToString([]byte(k)) })},
		{"base64-shifted", text(func(k string) string { return base64.StdEncoding.EncodeToString([]byte("x" + k)) })},
		{"base64url", text(func(k string) string { return base64.RawURLEncoding.EncodeToString([]byte("xy" + k)) })},
		{"hex", text(func(k string) string { return hex.EncodeToString([]byte(k)) })},
		{"url", text(url.QueryEscape)},
		{"json", func(w http.ResponseWriter, key string) {
			answer(w, http.StatusOK, object{"you_sent": object{"key": key}})
		}},
		{"error", func(w http.ResponseWriter, key string) {
			answer(w, http.StatusBadRequest, object{"error": object{"message": "Incorrect API key provided: " + key, "type": "invalid_request_error"}})
		}},
		{"gzip", func(w http.ResponseWriter, key string) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "the key is "+key+"\n")
			_ = z.Close()
		}},
		{"deflate", func(w http.ResponseWriter, key string) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Encoding", "deflate")
			z := zlib.NewWriter(w)
			_, _ = io.WriteString(z, "the key is "+key+"\n")
			_ = z.Close()
		}},
		{"bytewise", func(w http.ResponseWriter, key string) {
			w.Header().Set("Content-Type", "text/plain")
			f := flushing(w)
			for _, b := range []byte("the key is " + key + "\n") {
				_, _ = f.Write([]byte{b})
			}
		}},
		{"header", func(w http.ResponseWriter, key string) {
			w.Header().Set("X-Your-Key", key)
			w.Header().Set("X-Your-Key-Base64", base64.StdEncoding.EncodeToString([]byte("Bearer "+key)))
			w.Header().Set("Www-Authenticate", `Bearer realm="`+key+`"`)
			answer(w, http.StatusOK, object{})
		}},
		{"cookie", func(w http.ResponseWriter, key string) {
			w.Header().Set("Set-Cookie", "session="+url.QueryEscape(key))
			answer(w, http.StatusOK, object{})
		}},
		{"location", func(w http.ResponseWriter, key string) {
			w.Header().Set("Location", "https://elsewhere.example/?key="+url.QueryEscape(key))
			answer(w, http.StatusFound, object{})
		}},
		{"trailer", func(w http.ResponseWriter, key string) {
			w.Header().Set("Trailer", "X-Your-Key")
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(flushing(w), "the key is in the trailer\n")
			w.Header().Set("X-Your-Key", key)
		}},
		{"early-hints", func(w http.ResponseWriter, key string) {
			w.Header().Set("Link", "</"+url.PathEscape(key)+">; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			answer(w, http.StatusOK, object{})
		}},
		{"sse", func(w http.ResponseWriter, key string) {
			e := newEvents(w)
			e.send("", object{"key": key})
			half := len(key) / 2
			_, _ = io.WriteString(e.to, "data: the key is "+key[:half])
			_, _ = io.WriteString(e.to, key[half:]+"\n\n")
			e.send("", "[DONE]")
		}},
	}
}

func (h *handler) leaks(w http.ResponseWriter, _ *http.Request) {
	names := []string{}
	for _, l := range leakForms() {
		names = append(names, l.name)
	}
	answer(w, http.StatusOK, object{"forms": names})
}

func (h *handler) leak(w http.ResponseWriter, r *http.Request) {
	all := leakForms()
	at := slices.IndexFunc(all, func(l leak) bool { return l.name == r.PathValue("form") })
	if at < 0 {
		refuse(w, r, http.StatusNotFound, "not_found_error", "GET /demo/leak lists the forms")
		return
	}
	all[at].show(w, keyOf(r))
}
