package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	good = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"run","Package":"p","Test":"TestLong"}
{"Action":"output","Package":"p","Test":"TestLong","Output":"=== RUN   TestLong\n"}
{"Action":"output","Package":"p","Test":"TestLong","Output":"    long_test.go:12: set TACIT_LONG=1\n"}
{"Action":"output","Package":"p","Test":"TestLong","Output":"--- SKIP: TestLong (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestLong"}
{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
	long = `{"Action":"run","Package":"p","Test":"TestLong"}
{"Action":"pass","Package":"p","Test":"TestLong"}
{"Action":"pass","Package":"p"}
`
	bad = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: it broke\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`
	unbuilt = `{"ImportPath":"p [p.test]","Action":"build-output","Output":"a.go:1: undefined: x\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}
`
	hung = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"p"}
`
)

func TestFollow(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		ok       bool
		want     string
	}{
		{"good", good, true, "ok  \tp\t0.1s\n1 passed, 0 failed, 1 skipped in this run\n"},
		{"bad", bad, false, "    a_test.go:3: it broke\nFAIL\tp\t0.1s\n0 passed, 1 failed in this run\n"},
		{"does not build", unbuilt, false, "a.go:1: undefined: x\nFAIL\tp [build failed]\n0 passed, 1 failed in this run\n"},
		{"cut off", hung, false, "--- CUT OFF: p.TestB\npanic: test timed out\n1 passed, 1 failed in this run\n"},
		{"no tests", "", false, "0 passed, 0 failed in this run\n"},
		{"not JSON", "go: warning\n" + long, true, "go: warning\n1 passed, 0 failed in this run\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			var out strings.Builder
			ok, err := follow(&out, strings.NewReader(tt.in), log)
			if err != nil || ok != tt.ok || out.String() != tt.want {
				t.Errorf("got %v, %v, %q, want %v, %q", ok, err, out.String(), tt.ok, tt.want)
			}
			if kept, err := os.ReadFile(log); err != nil || string(kept) != tt.in {
				t.Errorf("the log holds %q (%v)", kept, err)
			}
		})
	}
}

func TestSumFiles(t *testing.T) {
	write := func(content string) string {
		name := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, tt := range []struct {
		name   string
		runs   []string
		noSkip bool
		ok     bool
		want   string
	}{
		{"skipped by one, run by another", []string{good, long}, true, true, "2 passed, 0 failed\n"},
		{"skipped by all, allowed", []string{good, good}, false, true, "skipped: p.TestLong: set TACIT_LONG=1\n2 passed, 0 failed, 1 skipped\n"},
		{"skipped by all, forbidden", []string{good, good}, true, false, "skipped: p.TestLong: set TACIT_LONG=1\n2 passed, 0 failed, 1 skipped\n"},
		{"one failed", []string{good, bad, long}, false, false, "2 passed, 1 failed\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var files []string
			for _, r := range tt.runs {
				files = append(files, write(r))
			}
			var out strings.Builder
			ok, err := sumFiles(&out, files, tt.noSkip)
			if err != nil || ok != tt.ok || out.String() != tt.want {
				t.Errorf("got %v, %v, %q, want %v, %q", ok, err, out.String(), tt.ok, tt.want)
			}
		})
	}
	if _, err := sumFiles(&strings.Builder{}, []string{"missing"}, false); err == nil {
		t.Error("a missing log is no error")
	}
}
