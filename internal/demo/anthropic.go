package demo

import (
	"net/http"
	"strings"
	"time"
)

// The API is that of https://docs.claude.com/en/api/messages, as far as the official SDKs need it for what is here.

func (h *handler) anthropicModel() object {
	return object{"type": "model", "id": modelName, "display_name": "Demo", "created_at": h.now().UTC().Format(time.RFC3339)}
}

func (h *handler) messages(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
		Stream   bool      `json:"stream"`
	}
	if !question(w, r, &q) {
		return
	}
	words := said(lastText(q.Messages))
	whole := object{
		"id": "msg_demo", "type": "message", "role": "assistant", "model": q.Model, "stop_reason": "end_turn", "stop_sequence": nil,
		"content": []object{{"type": "text", "text": strings.Join(words, "")}},
		"usage":   object{"input_tokens": 1, "output_tokens": len(words)},
	}
	if !q.Stream {
		answer(w, http.StatusOK, whole)
		return
	}
	e := newEvents(w)
	send := func(kind string, o object) {
		o["type"] = kind
		e.send(kind, o)
	}
	whole["content"], whole["stop_reason"] = []object{}, nil
	send("message_start", object{"message": whole})
	send("content_block_start", object{"index": 0, "content_block": object{"type": "text", "text": ""}})
	for _, word := range words {
		send("content_block_delta", object{"index": 0, "delta": object{"type": "text_delta", "text": word}})
	}
	send("content_block_stop", object{"index": 0})
	send("message_delta", object{"delta": object{"stop_reason": "end_turn", "stop_sequence": nil}, "usage": object{"output_tokens": len(words)}})
	send("message_stop", object{})
}
