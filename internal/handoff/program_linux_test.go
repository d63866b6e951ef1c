package handoff

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestArgumentsTooLarge(t *testing.T) {
	t.Parallel()
	c := become(t, "true", strings.Repeat("x", 100_000))
	// Linux takes at most 128 KiB in one string, its NUL included: GIVE just fits, GIVEN does not.
	c.Env = append(c.Env, "GIVE="+strings.Repeat("y", 128<<10-6))
	out, _ := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 126 || !bytes.Contains(out, []byte("larger than the system allows")) {
		t.Errorf("status %d: %s", c.ProcessState.ExitCode(), out)
	}
}

// I12: of a real child, the arguments and the environment as the kernel shows them.
func TestI12ChildOfTheKernelsView(t *testing.T) {
	t.Parallel()
	c := become(t, "cat")
	const value = "s3cr3t-in-the-environment-only"
	c.Env = append(c.Env, "GIVE="+value)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	// When cat answers, the process has become cat.
	fmt.Fprintln(in, "ready")
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	read := func(file string) []byte {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.Process.Pid, file))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if b := read("cmdline"); string(b) != "cat\x00" {
		t.Errorf("cmdline is %q", b)
	}
	env := read("environ")
	if !bytes.Contains(env, []byte("\x00GIVEN="+value+"\x00")) {
		t.Error("the variable is not in the environment of the child")
	}
	for _, name := range []string{"TACIT_PASSPHRASE", "TACIT_TOKEN", "SLOT_VARIABLE", "hunter2"} {
		if bytes.Contains(env, []byte(name)) {
			t.Errorf("%s is in the environment of the child", name)
		}
	}
	_ = in.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
