package sdk_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// scripts print what they get, in each language that `tacit run` knows. What is masked is counted by its length.
var scripts = map[string]string{
	"script.mjs": `
import { secrets as imported } from 'tacit';
const value = await secrets.get('api/key');
console.log(imported === secrets, value.length, process.argv.slice(2).join('|'));
console.log('by mistake', value, Buffer.from(value).toString('base64'), process.env.GIVEN, process.env.TACIT_TOKEN);
process.exitCode = 7;
`,
	"script.cjs": `
const tacit = require('tacit');
tacit.secrets.get('api/key').then((value) => {
  console.log(tacit.secrets === secrets, value.length, process.argv.slice(2).join('|'));
  console.log('by mistake', value, Buffer.from(value).toString('base64'), process.env.GIVEN, process.env.TACIT_TOKEN);
  process.exitCode = 7;
});
`,
	"script.py": `
import base64, os, sys
import tacit
value = tacit.secrets.get("api/key")
print("true" if __name__ == "__main__" else __name__, len(value), "|".join(sys.argv[1:]))
print("by mistake", value, base64.b64encode(value.encode()).decode(), os.environ["GIVEN"], os.environ["TACIT_TOKEN"])
sys.exit(7)
`,
}

func (h *home) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// left fails when a script's directory is still there.
func (h *home) left() {
	h.t.Helper()
	if found, _ := filepath.Glob(filepath.Join(h.dir, "tacit-*")); len(found) > 0 {
		h.t.Errorf("what the script imported is still there: %v", found)
	}
}

// I14: what a script asked for is masked as what it was given is. With an agent and without one it is the same.
func TestI14RunScript(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	run := func(want string) {
		t.Helper()
		for name, text := range scripts {
			stdout, stderr, err := h.do("", "tacit", "run", "-e", "GIVEN=settings#user", "--", h.write(name, text), "one", "t w o")
			if exit, _ := err.(*exec.ExitError); exit == nil || exit.ExitCode() != 7 { //nolint:errorlint // it is not wrapped
				t.Errorf("%s, %s: %v\n%s", name, want, err, stderr)
			}
			// ana has three letters, which is too short to be masked
			if expect := "true " + strconv.Itoa(len(value)) + " one|t w o\nby mistake *** *** ana ***\n"; stdout != expect {
				t.Errorf("%s, %s: %q, want %q", name, want, stdout, expect)
			}
		}
		h.left()
	}
	run("with an agent")
	h.must("", "tacit", "agent", "stop")
	run("without one")
	if log := h.must("", "tacit", "audit", "--secret", "api/key", "--limit", "100"); strings.Count(log, "api/key@2") < 6 {
		t.Errorf("the log lacks what the scripts read:\n%s", log)
	}
	stdout, _, _ := h.do("", "tacit", "run", "--no-mask", "-e", "GIVEN=api/key", "--", filepath.Join(h.dir, "script.py"))
	if !strings.Contains(stdout, "by mistake "+value+" ") {
		t.Errorf("--no-mask: %q", stdout)
	}
}

// I14: what a script has another tacit read, several secrets at once, is masked too.
func TestI14RunScriptReadsMany(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path := h.write("many.py", `
import subprocess
print(subprocess.run(["tacit", "env", "-e", "A=api/key", "-e", "B=settings", "--format", "json"], capture_output=True, text=True, check=True).stdout)
`)
	for range 2 { // with an agent, and without one
		out := h.must("", "tacit", "run", path)
		if strings.Contains(out, value) || strings.Count(out, "***") < 2 {
			t.Errorf("%s", out)
		}
		h.must("", "tacit", "agent", "stop")
	}
}

// I12: a script gets no token of ours. It is the principal that we are all the same, and no more than that.
func TestI12ScriptOfAToken(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	path := h.write("who.py", `
import os, subprocess, tacit
assert os.environ["TEST_TOKEN"] != os.environ["TACIT_TOKEN"]
print(tacit.secrets.get("api/key") != "", subprocess.run(["tacit", "whoami"], capture_output=True, text=True).stdout.split()[1])
try:
    tacit.secrets.get("settings")
except tacit.Denied:
    print("denied")
`)
	cmd := exec.Command(filepath.Join(h.bin, "tacit"), "run", path)
	cmd.Env = append(h.environ(), "TACIT_TOKEN="+h.token)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "True agent/test\ndenied\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

// The door is for the script alone: who has no token of its run is not let in, whatever the uid, and it ends with the script. Signals reach the
// script.
func TestScriptDoor(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.must("", "tacit", "agent", "stop")
	path := h.write("wait.mjs", `
process.on('SIGTERM', () => { console.log('ended'); process.exit(3); });
console.log(process.env.TACIT_ADDR);
setInterval(() => {}, 1000);
`)
	cmd := exec.Command(filepath.Join(h.bin, "tacit"), "run", path)
	cmd.Env, cmd.Stderr = h.environ(), os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stdout := bufio.NewReader(pipe)
	addr, err := stdout.ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Fatalf("the script did not start: %v", err)
	}
	socket := strings.TrimPrefix(strings.TrimSpace(addr), "unix:")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if info, err := os.Stat(filepath.Dir(socket)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	for _, header := range []string{"X-None: 1", "Authorization: Bearer tacit_run_00", "Authorization: Bearer " + h.token, "Authorization: tacit_run_"} {
		got := h.must("", "curl", "--silent", "--unix-socket", socket, "-H", header, "-H", "Content-Type: application/json", "-d", `{"name":"api/key"}`, "http://tacit/api/v1/secret/get")
		if !strings.Contains(got, `"status":401`) || strings.Contains(got, value) {
			t.Errorf("%s: %s", header, got)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(stdout)
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 3 || string(rest) != "ended\n" {
		t.Errorf("exit %d: %q", cmd.ProcessState.ExitCode(), rest)
	}
	h.left()
}

// However many calls a script makes at once, none fails for that.
func TestScriptManyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for name, text := range map[string]string{
		"many.mjs": "console.log(new Set(await Promise.all(Array.from({ length: 600 }, () => secrets.get('api/key')))).size);\n",
		"many.py": `
from concurrent.futures import ThreadPoolExecutor
import tacit
with ThreadPoolExecutor(200) as pool:
    print(len(set(pool.map(lambda _: tacit.secrets.get("api/key"), range(300)))))
`,
	} {
		if out := h.must("", "tacit", "run", h.write(name, text)); out != "1\n" {
			t.Errorf("%s: %q", name, out)
		}
	}
}

// Who still has the address and the token when the run is over asks nobody who made another socket there: a door that others could be at is
// not asked, though the environment names it.
func TestScriptDoorOfOthers(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	for name, text := range map[string]string{
		"open.mjs": `
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
chmodSync(dirname(process.env.TACIT_ADDR.slice('unix:'.length)), 0o777);
console.log(await secrets.get('api/key').catch((err) => err.code));
`,
		"open.py": `
import os, tacit
os.chmod(os.path.dirname(os.environ["TACIT_ADDR"][len("unix:"):]), 0o777)
try:
    print(tacit.secrets.get("api/key"))
except tacit.Error as err:
    print(err.code)
`,
	} {
		if out := h.must("", "tacit", "run", h.write(name, text)); out != "denied\n" {
			t.Errorf("%s: %q", name, out)
		}
	}
}

// A script needs no vault; what it then asks for is not there. And a name that looks like a script's and is none is a program's.
func TestScriptWithoutVault(t *testing.T) {
	t.Parallel()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, dir: t.TempDir(), bin: bin}
	path := h.write("alone.py", "import tacit\ntry:\n  tacit.secrets.get('a')\nexcept tacit.Error as e:\n  print(e.code, e.exit)\n")
	if out := h.must("", "tacit", "run", "--pristine", path); out != "no_vault 6\n" {
		t.Errorf("%q", out)
	}
	_, stderr, err := h.do("", "tacit", "run", "nothing.py")
	if exit, _ := err.(*exec.ExitError); exit == nil || exit.ExitCode() != 127 || !strings.Contains(stderr, "nothing.py: command not found") { //nolint:errorlint // not wrapped
		t.Errorf("%v %s", err, stderr)
	}
	h.left()
}
