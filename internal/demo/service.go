package demo

import (
	"fmt"
	"strings"

	"tacit/internal/fault"
)

// ServiceFile returns the file for `service add` that makes the upstream a service: demo-openai, or for the API "anthropic"
// demo-anthropic, which is the same server with the key where Anthropic has it. An unknown API is a fault.Usage.
func (u *Upstream) ServiceFile(api string) (string, error) {
	network := "network:\n  allow_private: true\n  ca_pem: |\n" + indent(u.authority, "    ")
	hosts := fmt.Sprintf("hosts: [%q]\n", u.address)
	switch api {
	case "openai":
		return openAIHead + hosts + openAIRest + network, nil
	case "anthropic":
		return anthropicHead + hosts + anthropicRest + network, nil
	}
	return "", fault.New(fault.Usage, "no such API: %.20q", api).WithFix("use openai or anthropic")
}

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(by + line)
	}
	return b.String()
}

const openAIHead = `service: demo-openai
title: Demo upstream, as OpenAI
`

const openAIRest = `secrets: {DEMO_OPENAI_KEY: secret}
auth:
  header: {name: authorization, value: "Bearer {{secret}}"}
env: {base_url: OPENAI_BASE_URL, base_path: /v1, key: OPENAI_API_KEY}
capabilities:
  - id: demo-openai/models
    title: Models
    methods: [GET]
    paths: [/v1/models]
    risk: read
    example: {method: GET, path: /v1/models}
  - id: demo-openai/chat-completions
    title: Chat completions
    methods: [POST]
    paths: [/v1/chat/completions$]
    risk: write
    example: {method: POST, path: /v1/chat/completions, body: {model: demo-1, messages: [{role: user, content: "Hello!"}]}}
  - id: demo-openai/responses
    title: Responses
    methods: [POST]
    paths: [/v1/responses$]
    risk: write
    example: {method: POST, path: /v1/responses, body: {model: demo-1, input: "Hello!"}}
  - id: demo-openai/embeddings
    title: Embeddings
    methods: [POST]
    paths: [/v1/embeddings$]
    risk: write
    example: {method: POST, path: /v1/embeddings, body: {model: demo-1, input: Hello}}
  - id: demo-openai/files
    title: Uploaded files, which are counted and forgotten
    methods: [GET, POST]
    paths: [/v1/files]
    risk: write
    example: {method: GET, path: /v1/files}
  - id: demo-openai/echo
    title: Says what arrived
    methods: [DELETE, GET, PATCH, POST, PUT]
    paths: [/demo/echo]
    risk: write
    example: {method: GET, path: /demo/echo, query: a=b}
  - id: demo-openai/leak
    title: Gives the key away, each form under its name
    methods: [GET]
    paths: [/demo/leak]
    risk: read
    example: {method: GET, path: /demo/leak}
  - id: demo-openai/redirect
    title: Redirects to another host
    methods: [GET, POST]
    paths: [/demo/redirect]
    risk: read
    example: {method: GET, path: /demo/redirect, query: "to=https://elsewhere.example/"}
  - id: demo-openai/status
    title: Any status
    methods: [GET]
    paths: ["/demo/status/{code}$"]
    risk: read
    example: {method: GET, path: /demo/status/404}
  - id: demo-openai/sse
    title: A stream of n events
    methods: [GET]
    paths: [/demo/sse$]
    risk: read
    example: {method: GET, path: /demo/sse, query: n=3}
  - id: demo-openai/slow
    title: Answers after ms milliseconds, or with every milliseconds between n lines
    methods: [GET]
    paths: [/demo/slow$]
    risk: read
    example: {method: GET, path: /demo/slow, query: ms=100}
  - id: demo-openai/endless
    title: Does not end
    methods: [GET]
    paths: [/demo/endless$]
    risk: read
    example: {method: GET, path: /demo/endless}
  - id: demo-openai/download
    title: Bytes, as many as asked for
    methods: [GET]
    paths: ["/demo/bytes/{count}$"]
    risk: read
    example: {method: GET, path: /demo/bytes/1000}
  - id: demo-openai/upload
    title: Counts what it is sent
    methods: [POST, PUT]
    paths: [/demo/upload]
    risk: write
    example: {method: POST, path: /demo/upload, headers: {content-type: text/plain}, body: some text}
`

const anthropicHead = `service: demo-anthropic
title: Demo upstream, as Anthropic
`

const anthropicRest = `secrets: {DEMO_ANTHROPIC_KEY: secret}
auth:
  header: {name: x-api-key, value: "{{secret}}"}
env: {base_url: ANTHROPIC_BASE_URL, key: ANTHROPIC_API_KEY, key_bearer: true}
capabilities:
  - id: demo-anthropic/messages
    title: Messages
    methods: [POST]
    paths: [/v1/messages$]
    risk: write
    example:
      method: POST
      path: /v1/messages
      headers: {anthropic-version: "2023-06-01"}
      body: {model: demo-1, max_tokens: 16, messages: [{role: user, content: "Hello!"}]}
  - id: demo-anthropic/models
    title: Models
    methods: [GET]
    paths: [/v1/models]
    risk: read
    example: {method: GET, path: /v1/models, headers: {anthropic-version: "2023-06-01"}}
`
