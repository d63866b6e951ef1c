package bolt_test

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

// event is one thing that a process did to a directory, in the order in which the kernel did it.
type event struct {
	call   string // create, write, truncate, sync, rename, unlink, syncdir, line
	file   string // name at the time; for rename the old one
	to     string // rename: the new name; line: what was printed
	offset int64  // write; truncate: the size
	data   []byte
}

func (e event) String() string {
	switch e.call {
	case "write":
		return fmt.Sprintf("write %s %d+%d", e.file, e.offset, len(e.data))
	case "truncate":
		return fmt.Sprintf("truncate %s %d", e.file, e.offset)
	}
	return strings.TrimSpace(e.call + " " + e.file + " " + e.to)
}

// needStrace fails the test where strace is missing: a promise that is not tried is not kept.
func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is needed to record and to interrupt writes: apt-get install strace")
	}
}

// record runs a job under strace and returns what it did to the files in dir, and the lines that it printed in their places.
func record(t *testing.T, dir, job string, args ...string) []event {
	t.Helper()
	needStrace(t)
	log := filepath.Join(t.TempDir(), "strace")
	c := enginetest.Child(job, args...)
	c.Args = append([]string{
		"strace", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", "100000000", "-o", log,
		"-e", "trace=openat,close,pwrite64,write,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat",
		c.Path,
	}, args...)
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal(err)
	}
	c.Path = path
	if err := enginetest.Lines(c, func(string) {}); err != nil {
		t.Fatalf("record: %v", err)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := recorder{dir: dir, files: map[string]string{}, unfinished: map[string]string{}}
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
	unfinished map[string]string // thread: the beginning of its call
	events     []event
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
		if inside {
			r.files[result] = file
			if strings.Contains(args[2], "O_CREAT") && file != "vault.lock" {
				r.events = append(r.events, event{call: "create", file: file})
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
		r.events = append(r.events, event{call: "rename", file: from, to: to})
		return nil
	case "unlink", "unlinkat":
		if name == "unlinkat" {
			args = args[1:]
		}
		if file, inside := r.below(args[0]); inside {
			r.events = append(r.events, event{call: "unlink", file: file})
		}
		return nil
	case "write":
		if args[0] == "1" {
			r.events = append(r.events, event{call: "line", to: strings.TrimSpace(string(unhex(args[1])))})
			return nil
		}
	}
	file, inside := r.files[args[0]]
	if !inside || file == "vault.lock" {
		return nil
	}
	e := event{file: file}
	switch name {
	case "pwrite64":
		e.call, e.data = "write", unhex(args[1])
		var err error
		if e.offset, err = strconv.ParseInt(args[3], 10, 64); err != nil || result != args[2] || strconv.Itoa(len(e.data)) != result {
			return fmt.Errorf("a short write or one that was not recorded whole")
		}
	case "ftruncate":
		e.call = "truncate"
		var err error
		if e.offset, err = strconv.ParseInt(args[1], 10, 64); err != nil {
			return err
		}
	case "fsync", "fdatasync":
		e.call = "sync"
		if file == "." {
			e = event{call: "syncdir"}
		}
	default:
		return fmt.Errorf("%s is not understood", name)
	}
	r.events = append(r.events, e)
	return nil
}

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
