package bolt_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tacit/internal/engine/bolt"
	"tacit/internal/engine/enginetest"
	"tacit/internal/engine/enginetest/disk"
)

// dieJob goes on with a history and kills itself when it passes a phase for the n-th time: PATH SEED REPLACE-EVERY STEPS PHASE N.
func dieJob(ctx context.Context, out io.Writer, args []string) error {
	h, steps, err := history(args[1:4])
	if err != nil {
		return err
	}
	times, err := strconv.Atoi(args[5])
	if err != nil {
		return err
	}
	e := bolt.Open(args[0], bolt.Options{Trace: func(p bolt.Phase) {
		if p != bolt.Phase(args[4]) {
			return
		}
		if times--; times == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // death comes to another thread first
		}
	}})
	for range steps {
		n, err := h.Step(ctx, e)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "acknowledged", n)
	}
	return nil
}

// TestI05KilledAtEachPhase kills a writer at every point that it passes.
func TestI05KilledAtEachPhase(t *testing.T) {
	t.Parallel()
	h := enginetest.History{Seed: 9, ReplaceEvery: 3}
	for _, phase := range []bolt.Phase{
		bolt.Locked, bolt.Opened, bolt.Committing, bolt.Committed, bolt.Replacing, bolt.Filled, bolt.Renamed, bolt.Replaced, bolt.Closed,
	} {
		t.Run(string(phase), func(t *testing.T) {
			t.Parallel()
			path, ledger, at := newVault(t), enginetest.Ledger{History: h}, 0
			for times := 1; times <= 3; times++ {
				c := enginetest.Child("die", path, "9", "3", "100", string(phase), strconv.Itoa(times))
				last := at
				err := enginetest.Lines(c, func(line string) { last, _ = strconv.Atoi(strings.TrimPrefix(line, "acknowledged ")) })
				if err == nil || c.ProcessState.ExitCode() >= 0 {
					t.Fatalf("it did not die: %v", c.ProcessState)
				}
				if at, err = ledger.Check(t.Context(), bolt.Open(path, bolt.Options{}), last, last+1); err != nil {
					t.Fatalf("death %d: %v", times, err)
				}
				done := map[bolt.Phase]bool{bolt.Committed: true, bolt.Renamed: true, bolt.Replaced: true, bolt.Closed: true}[phase]
				if done != (at == last+1) {
					t.Errorf("death %d: acknowledged was %d and the vault is at %d", times, last, at)
				}
			}
			leftovers(t, path)
		})
	}
}

// leftovers replaces the vault by itself and checks that nothing that the dead left is still there.
func leftovers(t *testing.T, path string) {
	t.Helper()
	replaceBySelf(t, path)
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(names) > 0 {
		t.Errorf("left behind: %q, %v", names, err)
	}
}

// The points between two calls to the kernel at which strace kills the writer.
const (
	beforeData     = "before or amid the data pages"
	betweenMeta    = "between data and meta page"
	afterMeta      = "meta page written, not synced"
	whileReplacing = "while the new file is filled"
	beforeRename   = "before the rename"
	afterRename    = "after the rename, before its directory is synced"
)

// TestI05KilledBetweenCalls has strace kill a writer as it enters its n-th pwrite, fdatasync, rename, fsync, and counts where
// that was.
func TestI05KilledBetweenCalls(t *testing.T) {
	t.Parallel()
	disk.NeedStrace(t)
	least := 8 / enginetest.Slow
	if enginetest.Long() {
		least = 50
	}
	var (
		path   = newVault(t)
		ledger = enginetest.Ledger{History: enginetest.History{Seed: 3, ReplaceEvery: 4}}
		hits   = map[string]int{beforeData: 0, betweenMeta: 0, afterMeta: 0, whileReplacing: 0, beforeRename: 0, afterRename: 0}
		at     = 0
	)
	lowest := func() (n int) {
		n = 1 << 30
		for _, h := range hits {
			n = min(n, h)
		}
		return n
	}
	rounds := 0
	for ; lowest() < least && rounds < 60*least; rounds++ {
		call := []string{"pwrite64", "fdatasync", "renameat", "fsync"}[rounds%4]
		last, class, err := killAt(t, path, call, 1+rounds/4%9)
		if err != nil {
			t.Fatal(err)
		}
		last = max(at, last)
		if at, err = ledger.Check(t.Context(), bolt.Open(path, bolt.Options{}), last, last+1); err != nil {
			t.Fatalf("killed %s: %v", class, err)
		}
		if class != "" {
			hits[class]++
		}
	}
	t.Logf("%d kills: %v", rounds, hits)
	if lowest() < least {
		t.Errorf("a class was hit fewer than %d times", least)
	}
}

// killAt runs a writer that dies when it enters the given call for the n-th time, and says where that was.
func killAt(t *testing.T, path, call string, n int) (last int, class string, err error) {
	log := filepath.Join(t.TempDir(), "strace")
	c := enginetest.Child("history", path, "3", "4", "20")
	strace, err := exec.LookPath("strace")
	if err != nil {
		return 0, "", err
	}
	c.Args = append([]string{
		"strace", "-f", "-qq", "-y", "-s", "0", "-o", log, "-e", "trace=pwrite64,fdatasync,fsync,renameat",
		"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n), c.Path,
	}, c.Args[1:]...)
	c.Path = strace
	_ = enginetest.Lines(c, func(line string) {
		if n, ok := strings.CutPrefix(line, "acknowledged "); ok {
			last, _ = strconv.Atoi(n)
		}
	})
	b, err := os.ReadFile(log)
	return last, whereKilled(b), err
}

var (
	dataWrite = regexp.MustCompile(`pwrite64\(\d+<[^>]*/(vault\.db|\.vault\.db\.new-[^>]*)>, .*, (\d+), (\d+)`)
	dbSync    = regexp.MustCompile(`f(data)?sync\(\d+<[^>]*/vault\.db>`)
	dirSync   = regexp.MustCompile(`fsync\(\d+<[^>]*>`)
)

// whereKilled reads from the log of strace what the last call was and what came before it.
func whereKilled(log []byte) string {
	before, class := "", ""
	for line := range bytes.Lines(log) {
		s := string(line)
		switch m := dataWrite.FindStringSubmatch(s); {
		case m != nil && m[1] != "vault.db":
			class = whileReplacing
		case m != nil && (m[3] == "0" || m[3] == "4096"):
			class = betweenMeta // killed on entering the call that writes it
		case m != nil:
			class = beforeData
		case dbSync.MatchString(s) && before == beforeData:
			class = betweenMeta
		case dbSync.MatchString(s) && before == betweenMeta:
			class = afterMeta
		case strings.Contains(s, "renameat("):
			class = beforeRename
		case dirSync.MatchString(s) && before == beforeRename:
			class = afterRename
		case strings.Contains(s, "vault.lock>"):
			class = ""
		default:
			continue
		}
		before = class
	}
	return class
}
