package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tacit/client"
	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
	"tacit/internal/envelope"
	"tacit/internal/keeper"
	"tacit/internal/paths"
)

// person is a user of the machine with a home of their own.
type person struct {
	t        *testing.T
	uid      int
	bin, dir string
	env      []string
}

// newPerson makes somebody who is not root, since root passes every check by being root. Their vault has a passphrase.
func newPerson(t *testing.T, uid int) *person {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to run as another user")
	}
	dir, err := os.MkdirTemp("", "tacit") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // holds a program, for another user to run
		t.Fatal(err)
	}
	p := &person{t: t, uid: uid, bin: filepath.Join(dir, "tacit"), dir: filepath.Join(dir, "home")}
	copyProgram(t, p.bin)
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(p.dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	p.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "GORACE=" + goRace, "TACIT_DIR=" + filepath.Join(p.dir, "t"), "TACIT_PASSPHRASE=correct-horse-battery"}
	t.Cleanup(func() { _, _ = p.command("tacit", "agent", "stop").CombinedOutput() })
	return p
}

// copyProgram copies this test binary. Another process does it: one that this process starts at the same moment would hold the file
// open for writing, and then it cannot be run.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", self, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// command is one of the programs of this test binary, called by its name.
func (p *person) command(name string, args ...string) *exec.Cmd {
	return p.start(p.bin, append([]string{name}, args...)...)
}

// start is a program of theirs, by its path.
func (p *person) start(path string, argv ...string) *exec.Cmd {
	c := &exec.Cmd{Path: path, Args: argv, Dir: p.dir, Env: p.env}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if p.uid != os.Getuid() {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(p.uid), Gid: uint32(p.uid)} //nolint:gosec // small
	}
	return c
}

func (p *person) tacit(args ...string) string {
	p.t.Helper()
	out, err := p.command("tacit", args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tacit %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (p *person) agent() client.AgentStatus {
	p.t.Helper()
	var s client.AgentStatus
	if err := json.Unmarshal([]byte(p.tacit("agent", "status", "--json")), &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

func proc(pid int, file string) string { return filepath.Join("/proc", strconv.Itoa(pid), file) }

// TestI09AgentIsSealedOff looks at an agent that was started from a hostile environment, with the rights of its own user.
func TestI09AgentIsSealedOff(t *testing.T) {
	t.Parallel()
	p := newPerson(t, stranger)
	p.tacit("init", "--passphrase")
	p.tacit("set", "a", "s3cr3t-CANARY")
	p.env = append(p.env, "GODEBUG=http2debug=2,madvdontneed=0", "HTTPS_PROXY=http://127.0.0.1:1", "http_proxy=http://127.0.0.1:1", "SSL_CERT_FILE=/evil",
		"SSL_CERT_DIR=/evil", "GOTRACEBACK=crash", "TACIT_IDENTITY=AGE-SECRET-KEY-1X", "XDG_RUNTIME_DIR=/evil")
	held, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	unlock := p.command("tacit", "unlock")
	unlock.ExtraFiles = []*os.File{ours} // as a shell gives files to what it starts
	if out, err := unlock.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_ = ours.Close()
	if _, err := held.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // what Read promises
		t.Errorf("the agent holds a file that its starter's shell had open: %v", err)
	}
	pid := *p.agent().PID
	inspect(t, p, pid)
	if got := p.tacit("get", "a"); got != "s3cr3t-CANARY" {
		t.Errorf("%q", got)
	}
	stat, err := os.ReadFile(proc(pid, "stat"))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	if session := fields[3]; session != strconv.Itoa(pid) {
		t.Errorf("it is in the session %s of somebody else", session)
	}
	for fd := range 3 {
		if to, err := os.Readlink(proc(pid, "fd/"+strconv.Itoa(fd))); err != nil || to != os.DevNull {
			t.Errorf("file %d is %s, %v", fd, to, err)
		}
	}

	// The same when a service manager runs it in the foreground.
	p.tacit("agent", "stop")
	c := p.command("tacit", "agent", "run")
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for said := bufio.NewReader(log); ; { // it may say first that there is no logind
		line, err := said.ReadString('\n')
		if err != nil {
			t.Fatal(line, err)
		}
		if strings.Contains(line, "the agent answers at") {
			break
		}
	}
	p.tacit("unlock")
	inspect(t, p, c.Process.Pid)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, log); err != nil {
		t.Error(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if p.agent().Running {
		t.Error("it is said to run")
	}
}

// inspect checks what the process's own user can see of it, and what it was started with.
func inspect(t *testing.T, p *person, pid int) {
	t.Helper()
	for _, file := range []string{"mem", "environ", "maps", "exe", "fd"} {
		if out, err := p.start("/bin/sh", "sh", "-c", "cat "+proc(pid, file)+" || ls "+proc(pid, file)+"/ || readlink "+proc(pid, file)).CombinedOutput(); err == nil {
			t.Errorf("its user can read %s: %.100q", file, out)
		}
	}
	if out, err := p.command("attach", strconv.Itoa(pid)).CombinedOutput(); err == nil || !strings.Contains(string(out), "operation not permitted") {
		t.Errorf("its user can attach to it: %v, %s", err, out)
	}
	other := *p
	other.uid = stranger + 1
	if out, err := other.command("attach", strconv.Itoa(pid)).CombinedOutput(); err == nil {
		t.Errorf("another user can attach to it: %s", out)
	}
	environ, err := os.ReadFile(proc(pid, "environ"))
	if err != nil {
		t.Fatal(err)
	}
	for e := range strings.SplitSeq(strings.TrimSuffix(string(environ), "\x00"), "\x00") {
		name, _, _ := strings.Cut(e, "=")
		if name != "HOME" && name != "TACIT_DIR" && name != "XDG_RUNTIME_DIR" {
			t.Errorf("it was started with %s", e)
		}
	}
	limits, err := os.ReadFile(proc(pid, "limits"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if strings.HasPrefix(line, "Max core file size") && strings.Join(strings.Fields(line)[4:6], " ") != "0 0" {
			t.Error(line)
		}
	}
}

// TestI09FakeAgent: another program at the socket, which says all the right things, gets no key.
func TestI09FakeAgent(t *testing.T) {
	t.Parallel()
	p := newPerson(t, stranger)
	p.tacit("init", "--passphrase")
	p.tacit("set", "a", "value-of-a")
	fake := filepath.Join(filepath.Dir(p.dir), "fake")
	copyProgram(t, fake)
	c := p.start(fake, "fakeagent", filepath.Join(p.dir, "t", "agent.sock"), filepath.Join(p.dir, "t", "vault.db"))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "listening" {
		t.Fatal(lines.Text())
	}
	said, err := p.command("tacit", "unlock").CombinedOutput()
	if exitCode(err) != "5" || !strings.Contains(string(said), "it gets no key") {
		t.Errorf("exit %s: %s", exitCode(err), said)
	}
	if got := p.tacit("get", "a"); got != "value-of-a" { // it said that it is locked
		t.Errorf("%q", got)
	}
	_ = c.Process.Kill()
	for lines.Scan() {
		t.Errorf("the fake got %s", lines.Text())
	}
	_ = c.Wait()
	p.tacit("unlock") // over what the fake left
	if got := p.tacit("get", "a"); got != "value-of-a" || !p.agent().Running {
		t.Errorf("%q", got)
	}
}

// TestI09KeysInMemory looks for the keys in the memory of an agent, as root. What ships is built with runtime/secret, which erases the
// copies that work on a key leaves; in a build without it they stay until their memory is used again.
func TestI09KeysInMemory(t *testing.T) {
	t.Parallel()
	p := newPerson(t, os.Getuid())
	p.tacit("init", "--passphrase")
	p.tacit("set", "a", "value-of-a")
	root, vaultID := p.rootKey()
	wrap, err := hkdf.Key(sha256.New, root, []byte(vaultID), "tacit/1 wrap", 32)
	if err != nil {
		t.Fatal(err)
	}
	p.tacit("unlock")
	pid := *p.agent().PID
	if n := inMemory(t, pid, wrap); n == 0 {
		t.Error("the key of an unlocked agent was not found: this test looks in the wrong place")
	}
	rootUnlocked := inMemory(t, pid, root)
	p.tacit("get", "a")
	p.tacit("set", "b", "value-of-b")
	p.tacit("lock")
	rootLocked, wrapLocked := inMemory(t, pid, root), inMemory(t, pid, wrap)
	t.Logf("root key unlocked %d, locked %d, wrap key locked %d times", rootUnlocked, rootLocked, wrapLocked)
	if erased && rootUnlocked+rootLocked+wrapLocked > 0 {
		t.Error("keys are where they should not be")
	}
}

// rootKey opens the vault and returns its root key and its id.
func (p *person) rootKey() (key []byte, vaultID string) {
	p.t.Helper()
	l := paths.New(func(k string) string { return map[string]string{"TACIT_DIR": filepath.Join(p.dir, "t")}[k] }, p.dir)
	k := keeper.New(keeper.Options{
		Layout: l, Engine: bolt.Open(l.Vault, bolt.Options{}), Random: rand.Reader, Version: "test", Now: time.Now,
		Opener: &envelope.Opener{
			Getenv: func(k string) string { return map[string]string{"TACIT_PASSPHRASE": "correct-horse-battery"}[k] },
			Random: rand.Reader, Now: time.Now,
		},
	})
	defer k.Close()
	if err := k.HandOver(context.Background(), func(b []byte, _ string) error {
		key = bytes.Clone(b)
		return nil
	}); err != nil {
		p.t.Fatal(err)
	}
	s, err := k.Status(context.Background(), keeper.Caller{Owner: true})
	if err != nil {
		p.t.Fatal(err)
	}
	return key, *s.Vault.ID
}

// inMemory counts how often something is in the memory of a process.
func inMemory(t *testing.T, pid int, what []byte) (n int) {
	t.Helper()
	maps, err := os.ReadFile(proc(pid, "maps"))
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(proc(pid, "mem"))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	read := 0
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatal(err)
		}
		if mode[0] != 'r' || to-from > 1<<30 || from > math.MaxInt64 {
			continue
		}
		b := make([]byte, to-from)
		got, _ := mem.ReadAt(b, int64(from)) // some of the kernel's cannot be read
		read += got
		n += bytes.Count(b[:got], what)
	}
	if read == 0 {
		t.Fatal("no memory could be read")
	}
	return n
}

// Many unlocks at once start one agent, and all succeed.
func TestUnlocksAtOnce(t *testing.T) {
	t.Parallel()
	p := newPerson(t, stranger)
	p.tacit("init", "--passphrase")
	p.tacit("set", "a", "value-of-a")
	for range max(1, 3/enginetest.Slow) {
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if out, err := p.command("tacit", "unlock").CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		all.Wait()
		if s := p.agent(); !s.Running || s.Locked {
			t.Errorf("%+v", s)
		}
		agents := 0
		every, err := filepath.Glob("/proc/*/cmdline")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range every {
			line, _ := os.ReadFile(file)
			if bytes.HasPrefix(line, []byte(p.bin+"\x00agent\x00run")) {
				agents++
			}
		}
		if agents != 1 {
			t.Errorf("%d agents", agents)
		}
		// The next round finds what a killed agent leaves.
		if err := syscall.Kill(*p.agent().PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waitGone(t, p)
	}
}

func waitGone(t *testing.T, p *person) {
	t.Helper()
	lock := filepath.Join(p.dir, "t", "agent.lock")
	f, err := os.OpenFile(lock, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// TestI05KilledAgentLosesNothing kills agents and commands in the middle of changes: what was acknowledged is there, all of it and
// in the log.
func TestI05KilledAgentLosesNothing(t *testing.T) {
	t.Parallel()
	p := newPerson(t, stranger)
	p.tacit("init", "--passphrase")
	kept := 0
	for round := range max(1, 4/enginetest.Slow) {
		p.tacit("unlock")
		pid := *p.agent().PID
		killed := make(chan struct{})
		acknowledged := make(chan struct{}, 1000)
		go func() {
			defer close(killed)
			for range 3 + round {
				<-acknowledged
			}
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}()
		for i := 0; ; i++ {
			c := p.command("tacit", "set", fmt.Sprintf("r%d/s%d", round, i), "value", "-q")
			c.Env = append(p.env[:len(p.env):len(p.env)], "TACIT_PASSPHRASE=correct-horse-battery")
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if i%4 == 3 {
				_ = c.Process.Kill()
			}
			if c.Wait() == nil {
				kept++
				acknowledged <- struct{}{}
			}
			select {
			case <-killed:
			default:
				continue
			}
			break
		}
		waitGone(t, p)
	}
	var l client.List
	if err := json.Unmarshal([]byte(p.tacit("list", "--json")), &l); err != nil || l.Total < kept {
		t.Errorf("%d secrets, %d were acknowledged; %v", l.Total, kept, err)
	}
	p.tacit("audit", "verify")
	p.tacit("unlock")
	p.tacit("audit", "verify")
}
