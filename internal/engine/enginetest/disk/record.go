// Package disk records what a process does to the files of a directory and replays it, so that the power can be cut anywhere.
//
// [Record] runs a program under strace. A [Disk] is the directory as the kernel sees it and as it is on the medium; after each
// [Event] it says what a power loss may leave.
package disk

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tacit/internal/engine/enginetest"
)

// Event is one thing that a process did to the directory, in the order in which the kernel did it.
type Event struct {
	Call   string // create, write, truncate, sync, rename, unlink, syncdir, line
	File   string // name at the time, relative to the directory; for rename the old one; for syncdir the directory
	To     string // rename: the new name; line: what was printed
	Offset int64  // write; truncate: the size
	Data   []byte
}

func (e Event) String() string {
	switch e.Call {
	case "write":
		return fmt.Sprintf("write %s %d+%d", e.File, e.Offset, len(e.Data))
	case "truncate":
		return fmt.Sprintf("truncate %s %d", e.File, e.Offset)
	}
	return strings.TrimSpace(e.Call + " " + e.File + " " + e.To)
}

// NeedStrace fails the test where strace is missing: a promise that is not tried is not kept.
func NeedStrace(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is needed to record and to interrupt writes: apt-get install strace")
	}
}

// Record runs c under strace and returns what it did to the files in dir, and the lines that it printed in their places. Lock
// files are left out: what is in them does not matter after a power loss.
func Record(t testing.TB, dir string, c *exec.Cmd) []Event {
	t.Helper()
	NeedStrace(t)
	log := filepath.Join(t.TempDir(), "strace")
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal(err)
	}
	c.Args = append([]string{
		"strace", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", "100000000", "-o", log,
		"-e", "trace=openat,close,pwrite64,write,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat",
		c.Path,
	}, c.Args[1:]...)
	c.Path = path
	if err := enginetest.Lines(c, func(string) {}); err != nil {
		t.Fatalf("record: %v", err)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := recorder{dir: dir, files: map[string]string{}, cursors: map[string]int64{}, unfinished: map[string]string{}}
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		if err := r.add(strings.TrimSuffix(line, "\n")); err != nil {
			t.Fatalf("record: %v in %.200s", err, line)
		}
	}
	return r.events
}

// recorder reads the log of strace.
type recorder struct {
	dir        string
	files      map[string]string // descriptor: name below dir, "." for dir, for those that are open
	cursors    map[string]int64  // descriptor: where its next write goes
	unfinished map[string]string // thread: the beginning of its call
	events     []Event
}

var (
	resumed = regexp.MustCompile(`^<\.\.\. \w+ resumed>`)
	call    = regexp.MustCompile(`^(\w+)\((.*)\)\s+= (-?\d+|\?)`)
)

func (r *recorder) add(line string) error {
	thread, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " ")
	if begin, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
		r.unfinished[thread] = begin
		return nil
	}
	if end := resumed.FindString(rest); end != "" {
		rest = r.unfinished[thread] + strings.TrimPrefix(rest, end)
	}
	m := call.FindStringSubmatch(rest)
	if m == nil || strings.HasPrefix(m[3], "-") || m[3] == "?" {
		return nil // a signal, an exit, or a call that failed and so did nothing
	}
	return r.done(m[1], strings.Split(m[2], ", "), m[3])
}

// done adds the event of one call that succeeded.
func (r *recorder) done(name string, args []string, result string) error {
	switch name {
	case "openat":
		file, inside := r.below(args[1])
		delete(r.files, result)
		delete(r.cursors, result)
		if inside && !isLock(file) {
			r.files[result] = file
			if strings.Contains(args[2], "O_CREAT") {
				r.events = append(r.events, Event{Call: "create", File: file})
			}
		}
		return nil
	case "close":
		delete(r.files, args[0])
		return nil
	case "rename", "renameat", "renameat2":
		if name != "rename" {
			args = []string{args[1], args[3]}
		}
		from, _ := r.below(args[0])
		to, _ := r.below(args[1])
		for fd, file := range r.files {
			if file == from {
				r.files[fd] = to
			}
		}
		r.events = append(r.events, Event{Call: "rename", File: from, To: to})
		return nil
	case "unlink", "unlinkat":
		if name == "unlinkat" {
			args = args[1:]
		}
		if file, inside := r.below(args[0]); inside {
			r.events = append(r.events, Event{Call: "unlink", File: file})
		}
		return nil
	case "write":
		if args[0] == "1" {
			r.events = append(r.events, Event{Call: "line", To: strings.TrimSpace(string(unhex(args[1])))})
			return nil
		}
	}
	file, inside := r.files[args[0]]
	if !inside {
		return nil
	}
	e := Event{File: file}
	var err error
	switch name {
	case "pwrite64", "write":
		e.Call, e.Data = "write", unhex(args[1])
		if name == "write" {
			e.Offset = r.cursors[args[0]]
			r.cursors[args[0]] += int64(len(e.Data))
		} else if e.Offset, err = strconv.ParseInt(args[3], 10, 64); err != nil {
			return err
		}
		if result != args[2] || strconv.Itoa(len(e.Data)) != result {
			return fmt.Errorf("a short write or one that was not recorded whole")
		}
	case "ftruncate":
		e.Call = "truncate"
		if e.Offset, err = strconv.ParseInt(args[1], 10, 64); err != nil {
			return err
		}
	case "fsync", "fdatasync":
		e.Call = "sync"
		if r.isDir(file) {
			e.Call = "syncdir"
		}
	default:
		return fmt.Errorf("%s is not understood", name)
	}
	r.events = append(r.events, e)
	return nil
}

// isDir reports whether a name is that of a directory.
func (r *recorder) isDir(name string) bool {
	info, err := os.Stat(filepath.Join(r.dir, name)) // directories are there at the end
	return err == nil && info.IsDir()
}

func isLock(name string) bool { return filepath.Ext(name) == ".lock" }

// below returns the name of a quoted path relative to the directory.
func (r *recorder) below(quoted string) (string, bool) {
	name, err := filepath.Rel(r.dir, string(unhex(quoted)))
	return name, err == nil && !strings.HasPrefix(name, "..")
}

// unhex reads a string that strace -xx printed.
func unhex(quoted string) []byte {
	s := strings.Trim(quoted, `"`)
	b := make([]byte, 0, len(s)/4)
	for i := 0; i+4 <= len(s); i += 4 {
		n, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
		if err != nil {
			return nil
		}
		b = append(b, byte(n))
	}
	return b
}
