package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The budgets of start-up: what ships must cost nothing to run.
const (
	maxInit = 2.5      // milliseconds, all packages together
	maxSize = 20 << 20 // bytes, stripped
)

// TestStartupBudget builds the program as it ships and measures the initialisation of its packages. The machine may be busy, so
// the best of several runs counts.
func TestStartupBudget(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(t.TempDir(), "tacit")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(bin)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxSize {
		t.Errorf("the binary is %d bytes, more than %d", info.Size(), maxSize)
	}
	best, worst := 1e9, ""
	for run := 0; run < 10 || run < 200 && best > maxInit; run++ {
		sum, slowest := initTime(t, bin)
		if sum < best {
			best, worst = sum, slowest
		}
	}
	t.Logf("%.2f ms of package initialisation, %.1f MB; slowest: %s", best, float64(info.Size())/1e6, worst)
	if best > maxInit {
		t.Errorf("package initialisation takes %.2f ms, more than %.1f; slowest: %s", best, maxInit, worst)
	}
}

// initTime returns the sum of what GODEBUG=inittrace=1 prints, in milliseconds, and its largest line.
func initTime(t *testing.T, bin string) (sum float64, slowest string) {
	t.Helper()
	var trace bytes.Buffer
	cmd := exec.Command(bin, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	most := 0.0
	for lines := bufio.NewScanner(&trace); lines.Scan(); {
		_, after, ok := strings.Cut(lines.Text(), " ms, ") // init PACKAGE @0.5 ms, 0.02 ms clock, …
		if !ok {
			continue
		}
		ms, err := strconv.ParseFloat(strings.SplitN(after, " ", 2)[0], 64)
		if err != nil {
			t.Fatalf("cannot read %q", lines.Text())
		}
		sum += ms
		if ms > most {
			most, slowest = ms, lines.Text()
		}
	}
	if sum == 0 {
		t.Fatal("no trace")
	}
	return sum, slowest
}
