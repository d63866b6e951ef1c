package envelope

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// I09: after Undump no process of the same user can read this one's memory, and no core file is written; in a child, since it
// cannot be undone.
func TestI09Undump(t *testing.T) {
	if os.Getenv("TACITTEST_UNDUMP") != "" {
		if err := Undump(); err != nil {
			t.Fatal(err)
		}
		if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); n != 0 || err != nil {
			t.Fatalf("dumpable is %d, %v", n, err)
		}
		if err := NoCores(); err != nil {
			t.Fatal(err)
		}
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 || limit.Max != 0 {
			t.Fatalf("core limit %+v, %v", limit, err)
		}
		t.Log("undumped")
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestI09Undump$", "-test.v")
	cmd.Env = append(os.Environ(), "TACITTEST_UNDUMP=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "undumped") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// The pages of a key are locked where the limit allows, not dumped and wiped in a forked child, with guards around them.
func TestI09LockedPages(t *testing.T) {
	t.Parallel()
	b, err := newLockedBuffer(KeySize)
	if err != nil {
		t.Fatal(err)
	}
	defer b.free()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	size := os.Getpagesize()
	if len(b.region) != 3*size || &b.region[2*size-KeySize : 2*size][0] != &b.data[0] {
		t.Error("the key is not at the end of the page between two guards")
	}
	var flags string
	found := false
	for line := range strings.Lines(string(maps)) {
		if strings.HasPrefix(line, hexAddress(&b.region[size : 2*size][0])+"-") {
			found = true
		}
		if found && strings.HasPrefix(line, "VmFlags:") {
			flags = line
			break
		}
	}
	if !found {
		t.Fatal("the page is no mapping of its own")
	}
	if flags == "" {
		return // a sandbox's kernel that does not tell
	}
	for _, want := range []string{" dd", " wf"} {
		if !strings.Contains(flags, want) {
			t.Errorf("flags %q lack%s", flags, want)
		}
	}
}

func hexAddress(p *byte) string { return fmt.Sprintf("%x", uintptr(unsafe.Pointer(p))) }
