package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tacit/internal/demo"
)

// I13: the agent opens no path that a caller names. What the command line sends of a file travels as bytes; what looks like a path in a
// request is text; a certificate is read when a service is added, and is no path.
func TestI13TheAgentOpensNoFileOfACaller(t *testing.T) {
	t.Parallel()
	const canary = "canary-of-a-file-0123456789"
	var mu sync.Mutex
	var arrived bytes.Buffer
	u, err := demo.Start(demo.Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		arrived.Reset()
		_ = r.Header.Write(&arrived)
		arrived.Write(body)
		_, _ = io.WriteString(w, "{}")
	})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() })
	got := func() string {
		mu.Lock()
		defer mu.Unlock()
		return arrived.String()
	}
	file, err := u.ServiceFile("openai")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	path := filepath.Join(home, "canary.txt")
	if err := os.WriteFile(path, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(stdin string, args ...string) (string, error) {
		cmd := exec.Command("tacit", args...)
		cmd.Dir, cmd.Stdin = home, strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "HOME="+home, "GORACE="+goRace, "TACIT_DIR="+filepath.Join(home, "tacit"), "XDG_RUNTIME_DIR="+home)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return out
	}

	// A certificate is no path, not even for the owner.
	if out, err := run(file[:strings.Index(file, "  ca_pem: |")]+"  ca_pem: "+path+"\n", "service", "add", "-"); err == nil || strings.Contains(out, canary) {
		t.Errorf("a path was taken for a certificate: %s", out)
	}
	must(run(file, "service", "add", "-"))
	must(run("a-key-of-the-demo-0123456789", "set", "-q", "DEMO_OPENAI_KEY"))
	must(run("", "unlock", "-q"))
	t.Cleanup(func() { _, _ = run("", "agent", "stop") })

	// The agent works elsewhere, so that this relative path means nothing to it: the bytes came from here.
	must(run("", "invoke", "demo-openai/upload", "--body", "@canary.txt"))
	if !strings.Contains(got(), canary) {
		t.Errorf("the bytes of the file did not arrive: %s", got())
	}
	must(run("", "invoke", "demo-openai/upload", "--file", "x=canary.txt"))
	if !strings.Contains(got(), canary) {
		t.Errorf("the bytes of the file did not arrive: %s", got())
	}

	var printed struct{ Variables map[string]string }
	if err := json.Unmarshal([]byte(must(run("", "proxy", "env", "demo-openai", "--json"))), &printed); err != nil {
		t.Fatal(err)
	}
	base := strings.TrimSuffix(printed.Variables["OPENAI_BASE_URL"], "/v1") + "/demo/upload"
	form := "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" + path + "\"\r\n\r\n@" + path + "\r\n--b--\r\n"
	for _, attempt := range []struct{ media, body string }{
		{"text/plain", "@" + path},
		{"text/plain", "file://" + path},
		{"application/json", `{"file":"@` + path + `","$ref":"file://` + path + `","path":"` + path + `"}`},
		{"application/x-www-form-urlencoded", "file=@" + path},
		{"multipart/form-data; boundary=b", form},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"?file=@"+path, strings.NewReader(attempt.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", attempt.media)
		r.Header.Set("X-File", "@"+path)
		r.Header.Set("Authorization", "Bearer "+printed.Variables["OPENAI_API_KEY"])
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %v", attempt.media, answer.StatusCode, err)
		}
		if text := got(); strings.Contains(text, canary) || !strings.Contains(text, attempt.body) {
			t.Errorf("%s did not arrive as it is:\n%s", attempt.body, text)
		}
	}
}
