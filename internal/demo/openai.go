package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// modelName is the one model that there is.
const modelName = "demo-1"

// The API is that of https://platform.openai.com/docs/api-reference, as far as the official SDKs need it for what is here.

func (h *handler) models(w http.ResponseWriter, r *http.Request) {
	if asAnthropic(r) {
		answer(w, http.StatusOK, object{"data": []object{h.anthropicModel()}, "has_more": false, "first_id": modelName, "last_id": modelName})
		return
	}
	answer(w, http.StatusOK, object{"object": "list", "data": []object{h.openAIModel()}})
}

func (h *handler) model(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.PathValue("id") != modelName:
		refuse(w, r, http.StatusNotFound, "not_found_error", "the only model is "+modelName)
	case asAnthropic(r):
		answer(w, http.StatusOK, h.anthropicModel())
	default:
		answer(w, http.StatusOK, h.openAIModel())
	}
}

func (h *handler) openAIModel() object {
	return object{"id": modelName, "object": "model", "created": h.now().Unix(), "owned_by": "tacit"}
}

// said is what the model says to a text, in the pieces of a stream.
func said(text string) []string {
	return strings.SplitAfter("Hello from the demo upstream. You said: "+text, " ")
}

// A message of a conversation. Content is a text, or a list of parts with texts.
type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// lastText returns the text of the last message.
func lastText(all []message) string {
	if len(all) == 0 {
		return ""
	}
	return textOf(all[len(all)-1].Content)
}

func textOf(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(content, &parts) != nil || len(parts) == 0 {
		return ""
	}
	return parts[len(parts)-1].Text
}

func (h *handler) chat(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
		Stream   bool      `json:"stream"`
	}
	if !question(w, r, &q) {
		return
	}
	words := said(lastText(q.Messages))
	head := object{"id": "chatcmpl-demo", "created": h.now().Unix(), "model": q.Model}
	if !q.Stream {
		head["object"] = "chat.completion"
		head["choices"] = []object{{
			"index": 0, "finish_reason": "stop", "logprobs": nil,
			"message": object{"role": "assistant", "content": strings.Join(words, ""), "refusal": nil},
		}}
		head["usage"] = object{"prompt_tokens": 1, "completion_tokens": len(words), "total_tokens": 1 + len(words)}
		answer(w, http.StatusOK, head)
		return
	}
	head["object"] = "chat.completion.chunk"
	e := newEvents(w)
	chunk := func(delta object, finish any) {
		head["choices"] = []object{{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": nil}}
		e.send("", head)
	}
	chunk(object{"role": "assistant", "content": ""}, nil)
	for _, word := range words {
		chunk(object{"content": word}, nil)
	}
	chunk(object{}, "stop")
	e.send("", "[DONE]")
}

func (h *handler) responses(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model  string          `json:"model"`
		Input  json.RawMessage `json:"input"`
		Stream bool            `json:"stream"`
	}
	if !question(w, r, &q) {
		return
	}
	text := textOf(q.Input)
	var all []message
	if json.Unmarshal(q.Input, &all) == nil {
		text = lastText(all)
	}
	words := said(text)
	response := func(status string, output []object) object {
		return object{
			"id": "resp_demo", "object": "response", "created_at": h.now().Unix(), "model": q.Model, "status": status, "error": nil,
			"incomplete_details": nil, "output": output, "parallel_tool_calls": true, "tools": []any{}, "metadata": object{},
		}
	}
	done := response("completed", []object{{
		"id": "msg_demo", "type": "message", "role": "assistant", "status": "completed",
		"content": []object{{"type": "output_text", "text": strings.Join(words, ""), "annotations": []any{}}},
	}})
	if !q.Stream {
		answer(w, http.StatusOK, done)
		return
	}
	e, n := newEvents(w), 0
	send := func(kind string, o object) {
		o["type"], o["sequence_number"] = kind, n
		n++
		e.send(kind, o)
	}
	send("response.created", object{"response": response("in_progress", []object{})})
	for _, word := range words {
		send("response.output_text.delta", object{"item_id": "msg_demo", "output_index": 0, "content_index": 0, "delta": word})
	}
	send("response.completed", object{"response": done})
}

func (h *handler) embeddings(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Model string          `json:"model"`
		Input json.RawMessage `json:"input"`
	}
	if !question(w, r, &q) {
		return
	}
	answer(w, http.StatusOK, object{
		"object": "list", "model": q.Model, "usage": object{"prompt_tokens": 1, "total_tokens": 1},
		"data": []object{{"object": "embedding", "index": 0, "embedding": []float64{0.25, -0.5, 0.75}}},
	})
}

func (h *handler) files(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, object{"object": "list", "data": []any{}, "has_more": false})
}

// upload counts a file of a form and forgets it. Its SHA-256 is in the answer, so that one can see that all of it came.
func (h *handler) upload(w http.ResponseWriter, r *http.Request) {
	parts, err := r.MultipartReader()
	if err != nil {
		refuse(w, r, http.StatusBadRequest, "invalid_request_error", "a file comes as multipart/form-data")
		return
	}
	file := object{"object": "file", "created_at": h.now().Unix(), "status": "processed"}
	for {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // as documented
			break
		}
		if err != nil {
			refuse(w, r, http.StatusBadRequest, "invalid_request_error", "the form is broken")
			return
		}
		sum := sha256.New()
		var text strings.Builder
		n, err := io.Copy(io.MultiWriter(sum, &limited{&text, 256}), part)
		if err != nil {
			return // the caller has gone
		}
		switch part.FormName() {
		case "purpose":
			file["purpose"] = text.String()
		case "file":
			digest := hex.EncodeToString(sum.Sum(nil))
			file["id"], file["bytes"], file["filename"], file["sha256"] = "file-"+digest[:16], n, part.FileName(), digest
		}
	}
	if file["id"] == nil || file["purpose"] == nil {
		refuse(w, r, http.StatusBadRequest, "invalid_request_error", "file and purpose are required")
		return
	}
	answer(w, http.StatusOK, file)
}

// limited keeps the first n bytes of what is written.
type limited struct {
	to *strings.Builder
	n  int
}

func (l *limited) Write(p []byte) (int, error) {
	l.to.Write(p[:min(len(p), max(0, l.n-l.to.Len()))])
	return len(p), nil
}
