package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// events writes server-sent events (HTML standard, section 9.2), each at once.
type events struct{ to *flusher }

func newEvents(w http.ResponseWriter) events {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	return events{flushing(w)}
}

// send writes one event; without a name it has only data.
func (e events) send(name string, v any) {
	text, isText := v.(string)
	if !isText {
		b, err := json.Marshal(v)
		if err != nil {
			return // what is sent here is made of texts and numbers
		}
		text = string(b)
	}
	if name != "" {
		name = "event: " + name + "\n"
	}
	_, _ = fmt.Fprintf(e.to, "%sdata: %s\n\n", name, text)
}
