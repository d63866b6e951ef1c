//go:build unix

package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/paths/pathstest"
)

func TestMain(m *testing.M) {
	pathstest.Main(m, map[string]func([]string) error{
		"append": func(a []string) error { return childAppend(a[0], 1) },
		"full":   func(a []string) error { return childFull(a[0], false) },
		"fresh":  func(a []string) error { return childFresh(a[0]) },
		"agent":  func(a []string) error { return childAgent(a[0]) },
		"many":   func(a []string) error { return childMany(a[0], a[1]) },
	})
}

func childOptions(dir string) Options {
	return Options{Dir: dir, VaultID: testVault, Keys: testKeys(1), Epoch: 1, SegmentSize: 16 << 10}
}

func childAppend(dir string, n int) error {
	_, err := Open(childOptions(dir)).Append(noContext{}, true, func(Last) ([]*Record, error) { return reads(1, n), nil })
	return err
}

// childMany appends durable records until it is killed or has written n (0: for ever), and prints the seq of each one that was
// acknowledged.
func childMany(dir, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	l := Open(childOptions(dir))
	for i := 0; n == 0 || i < n; i++ {
		h, err := l.Append(noContext{}, true, func(last Last) ([]*Record, error) {
			return reads(int(last.Head.Seq)+1, 1+i%3), nil
		})
		if err != nil {
			return err
		}
		fmt.Println(h.Seq)
	}
	return nil
}

// childFresh prints how long the first append of a process takes.
func childFresh(dir string) error {
	l := Open(childOptions(dir))
	records := reads(1, 1)
	begin := time.Now()
	_, err := l.Append(noContext{}, false, func(Last) ([]*Record, error) { return records, nil })
	fmt.Print(time.Since(begin))
	return err
}

// noContext is a context that never ends, for children, which have no test.
type noContext struct{}

func (noContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (noContext) Done() <-chan struct{}       { return nil }
func (noContext) Err() error                  { return nil }
func (noContext) Value(any) any               { return nil }

// TestI16NotWrittenIsAnError: where the record cannot be written, nothing is, and the error says what to do.
func TestI16NotWrittenIsAnError(t *testing.T) {
	t.Parallel()
	base := pathstest.Dir(t)
	mode := func(path string, mode os.FileMode) {
		t.Helper()
		if os.Geteuid() == 0 {
			if err := os.Chown(path, pathstest.UID, pathstest.UID); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	log := func(name string) (dir string) {
		t.Helper()
		dir = filepath.Join(base, name)
		fill(t, childOptions(dir), 2)
		for _, f := range []string{"000001.log", "audit.lock"} {
			mode(filepath.Join(dir, f), 0o600)
		}
		mode(dir, 0o700)
		return dir
	}
	if r := pathstest.AsUser(t, "append", log("fine")); r.Code != "" {
		t.Fatalf("%+v", r)
	}
	readOnly := log("read-only directory")
	if err := os.Remove(filepath.Join(readOnly, "audit.lock")); err != nil {
		t.Fatal(err)
	}
	mode(readOnly, 0o500)
	noParent := filepath.Join(base, "no parent")
	if err := os.Mkdir(noParent, 0o700); err != nil {
		t.Fatal(err)
	}
	mode(noParent, 0o500)
	file := log("read-only file")
	mode(filepath.Join(file, "000001.log"), 0o400)
	wide := log("wide")
	mode(filepath.Join(wide, "000001.log"), 0o640)
	open := log("open")
	mode(open, 0o750)
	for dir, fix := range map[string]string{
		readOnly:                         "chmod 700 '" + readOnly + "'",
		filepath.Join(noParent, "audit"): "chmod 700 '" + noParent + "'",
		file:                             "chmod 600 '" + filepath.Join(file, "000001.log") + "'",
		wide:                             "chmod 600 " + filepath.Join(wide, "000001.log"),
		open:                             "chmod 700 " + open,
	} {
		if r := pathstest.AsUser(t, "append", dir); r.Code != fault.Permissions || r.Fix != fix {
			t.Errorf("%s: %+v, want fix %s", filepath.Base(dir), r, fix)
		}
	}
}

// TestI16FullDisk fills a small disk with records. Each append is whole or not there at all, also when the record that does not
// fit begins a segment, and goes on when there is space again.
func TestI16FullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	if err := childFull(dir, false); err != nil {
		t.Fatal(err)
	}
	if err := childFull(smallDisk(t), true); err != nil {
		t.Fatalf("kept open: %v", err)
	}
}

func childFull(disk string, kept bool) error {
	opts := childOptions(filepath.Join(disk, "audit"))
	l := Open(opts)
	if kept {
		defer l.KeepSynced(time.Hour)() //nolint:errcheck // nothing is left to sync: Verify says so
	}
	acknowledged, failures := uint64(0), 0
	ballast := filepath.Join(disk, "ballast")
	for i := range 400 {
		n := 1 + i%9
		h, err := l.Append(noContext{}, i%2 == 0, func(last Last) ([]*Record, error) {
			if last.Head.Seq != acknowledged {
				return nil, fmt.Errorf("the log is at %d, acknowledged are %d", last.Head.Seq, acknowledged)
			}
			return reads(int(acknowledged)+1, n), nil
		})
		switch {
		case err == nil:
			if acknowledged += uint64(n); h.Seq != acknowledged {
				return fmt.Errorf("head %d, want %d", h.Seq, acknowledged)
			}
			if i == 3 {
				if err := fillUp(ballast); err != nil {
					return err
				}
			}
		case errors.Is(err, fault.DiskFull):
			if failures++; failures%10 == 0 { // free a page or two
				if info, err := os.Stat(ballast); err == nil {
					if err := os.Truncate(ballast, max(0, info.Size()-int64(3000+failures*100))); err != nil {
						return err
					}
				}
			}
		default:
			return err
		}
	}
	if failures < 20 {
		return fmt.Errorf("the disk was full only %d times", failures)
	}
	r, err := l.Verify(noContext{}, nil, nil)
	if err == nil && (r.Bad != nil || r.Records != acknowledged || r.Torn != 0) {
		err = fmt.Errorf("%+v, want %d records", r, acknowledged)
	}
	return err
}

// fillUp writes a file until the disk is full.
func fillUp(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return nil
		}
	}
}

// TestKilledAppends kills an appending process at random moments. Nothing that was acknowledged is lost, and the log always
// opens and verifies.
func TestKilledAppends(t *testing.T) {
	t.Parallel()
	kills := 60
	if os.Getenv("TACIT_LONG") != "" {
		kills = 600
	}
	dir := filepath.Join(t.TempDir(), "audit")
	l := Open(childOptions(dir))
	random := rand.New(rand.NewPCG(3, 4))
	before := uint64(0)
	for range kills {
		acknowledged := killAppender(t, dir, 1+random.IntN(12), time.Duration(random.IntN(800))*time.Microsecond)
		last, err := l.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if acknowledged = max(acknowledged, before); last.Head.Seq < acknowledged {
			t.Fatalf("the log ends at %d, %d was acknowledged", last.Head.Seq, acknowledged)
		}
		before = last.Head.Seq
	}
	r, err := l.Verify(t.Context(), nil, nil)
	if err != nil || r.Bad != nil {
		t.Errorf("%+v, %v", r, err)
	}
	t.Logf("%d records after %d kills", r.Records, kills)
}

// killAppender starts an appender, waits for some acknowledgements and a little more, kills it and returns the last seq that it
// acknowledged.
func killAppender(t *testing.T, dir string, after int, more time.Duration) (acknowledged uint64) {
	t.Helper()
	return killed(t, pathstest.Command(t, "many", dir, "0"), after, more)
}

// killed is killAppender for any child that prints seqs.
func killed(t *testing.T, c *exec.Cmd, after int, more time.Duration) (acknowledged uint64) {
	t.Helper()
	stdout, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(stdout)
	for n := 0; s.Scan(); n++ {
		seq, err := strconv.ParseUint(s.Text(), 10, 64)
		if err != nil {
			break // half a line, of a write that the kill cut
		}
		acknowledged = max(acknowledged, seq)
		if n == after {
			time.AfterFunc(more, func() { _ = c.Process.Kill() })
		}
	}
	_ = c.Wait()
	return acknowledged
}

// TestEightProcesses append at once: nothing is lost, and the chain holds.
func TestEightProcesses(t *testing.T) {
	t.Parallel()
	const processes, each = 8, 30
	dir := filepath.Join(t.TempDir(), "audit")
	var wg sync.WaitGroup
	for range processes {
		c := pathstest.Command(t, "many", dir, strconv.Itoa(each))
		stderr, err := c.StderrPipe()
		if err == nil {
			err = c.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			var r pathstest.Result
			b, err := io.ReadAll(stderr)
			if err = errors.Join(err, json.Unmarshal(b, &r), c.Wait()); err != nil || r.Code != "" {
				t.Errorf("%v %+v %s", err, r, strings.TrimSpace(string(b)))
			}
		})
	}
	wg.Wait()
	r, err := Open(childOptions(dir)).Verify(t.Context(), nil, nil)
	if want := uint64(processes * each * 2); err != nil || r.Bad != nil || r.Records != want { // 1, 2, 3, 1, … records an append
		t.Errorf("%+v, %v, want %d records", r, err, want)
	}
}
