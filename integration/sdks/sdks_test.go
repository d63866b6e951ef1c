// Package sdks_test lets the SDKs that OpenAI and Anthropic publish use services through base-URL mode, unmodified. They talk to the
// demo upstream, which accepts one key and no token of tacit's.
package sdks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tacit/internal/demo"
)

const key = "demo-key-of-the-sdks-0123456789"

// installed are the SDKs that package-lock.json names and the program tacit, made once for all tests.
var installed = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "tacit-sdks")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, os.DirFS("node")); err != nil {
		return dir, err
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	npm.Dir = dir
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, "tacit"), "./cmd/tacit")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, cmd := range []*exec.Cmd{npm, build} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("%s: %w\n%s", cmd.Args[0], err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := installed(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// A home has a vault with the demo service of an API, and a sealed key.
type home struct {
	t        *testing.T
	dir, bin string
	secret   string
}

func newHome(t *testing.T, api, secret string) *home {
	t.Helper()
	bin, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	u, err := demo.Start(demo.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	file, err := u.ServiceFile(api)
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, dir: t.TempDir(), bin: bin, secret: secret}
	h.must(h.sh(file, "tacit service add -"))
	h.must(h.sh(key, "tacit set -q "+secret))
	t.Cleanup(func() { _, _, _ = h.sh("", "tacit agent stop") })
	return h
}

// sh runs a script with tacit on its PATH.
func (h *home) sh(stdin, script string) (stdout, stderr string, err error) {
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir, cmd.Stdin = h.dir, strings.NewReader(stdin)
	cmd.Env = []string{
		"HOME=" + h.dir, "PATH=" + h.bin + string(os.PathListSeparator) + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + h.dir, "TMPDIR=" + h.dir, "NODE=" + h.bin,
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func (h *home) must(stdout, stderr string, err error) string {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	return stdout
}

// ways are the two in which a program gets its base URL and token.
func (h *home) ways(service, script string) map[string]string {
	program := `node "$NODE"/` + script
	return map[string]string{
		"run --sealed": "tacit run --sealed -e KEY=" + h.secret + " -- " + program,
		"the agent":    "tacit unlock -q\neval \"$(tacit proxy env " + service + ")\"\n" + program,
	}
}

const said = "Hello from the demo upstream. You said: Hi"

func TestOpenAI(t *testing.T) {
	t.Parallel()
	h := newHome(t, "openai", "DEMO_OPENAI_KEY")
	for way, script := range h.ways("demo-openai", "openai.mjs") {
		var got struct {
			Models                           []string
			Chat, Streamed, Response, Deltas string
			Key                              string
			Events                           int
			Embedding                        []float64
			File                             struct {
				Name, Purpose string
				Bytes         int
				Whole         bool
			}
			Outside any
		}
		h.read(script, &got)
		switch {
		case len(got.Models) != 1 || got.Models[0] != "demo-1":
			t.Errorf("%s: models: %v", way, got.Models)
		case got.Chat != said || got.Streamed != said || got.Response != said || got.Deltas != said:
			t.Errorf("%s: answers: %q %q %q %q", way, got.Chat, got.Streamed, got.Response, got.Deltas)
		case got.Events < 5:
			t.Errorf("%s: the stream had %d events", way, got.Events)
		case len(got.Embedding) != 3:
			t.Errorf("%s: embedding: %v", way, got.Embedding)
		case got.File.Name != "data.jsonl" || got.File.Purpose != "fine-tune" || got.File.Bytes != 3_000_000 || !got.File.Whole:
			t.Errorf("%s: file: %+v", way, got.File)
		case fmt.Sprint(got.Outside) != "403":
			t.Errorf("%s: what no capability allows: %v", way, got.Outside)
		case got.Key != "a token":
			t.Errorf("%s: the program has %s", way, got.Key)
		}
	}
	h.recorded("demo-openai/chat-completions", "POST /v1/chat/completions 200")
}

func TestAnthropic(t *testing.T) {
	t.Parallel()
	h := newHome(t, "anthropic", "DEMO_ANTHROPIC_KEY")
	for way, script := range h.ways("demo-anthropic", "anthropic.mjs") {
		var got struct {
			Models                   []string
			Message, Streamed, Final string
			Key                      string
			Outside                  any
		}
		h.read(script, &got)
		switch {
		case len(got.Models) != 1 || got.Models[0] != "demo-1":
			t.Errorf("%s: models: %v", way, got.Models)
		case got.Message != said || got.Streamed != said || got.Final != said:
			t.Errorf("%s: answers: %q %q %q", way, got.Message, got.Streamed, got.Final)
		case fmt.Sprint(got.Outside) != "403":
			t.Errorf("%s: what no capability allows: %v", way, got.Outside)
		case got.Key != "a token":
			t.Errorf("%s: the program has %s", way, got.Key)
		}
	}
	h.recorded("demo-anthropic/messages", "POST /v1/messages 200")
}

// read runs a script and reads its one line of JSON. The key is nowhere in what it prints.
func (h *home) read(script string, v any) {
	h.t.Helper()
	stdout, stderr, err := h.sh("", script)
	if strings.Contains(stdout+stderr, key) {
		h.t.Errorf("the key is shown:\n%s%s", stdout, stderr)
	}
	if err := errors.Join(err, json.Unmarshal([]byte(stdout), v)); err != nil {
		h.t.Fatalf("%v\n%s\n%s%s", err, script, stdout, stderr)
	}
}

// recorded checks that uses are in the log.
func (h *home) recorded(capability, request string) {
	h.t.Helper()
	log := h.must(h.sh("", "tacit audit --limit 200"))
	if !strings.Contains(log, capability) || !strings.Contains(log, request) {
		h.t.Errorf("the log has no %s %s:\n%s", capability, request, log)
	}
}
