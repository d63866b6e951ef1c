package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tacit/internal/cli"
	"tacit/internal/fault"
)

// exitCode returns the exit status that an error of package exec stands for.
func exitCode(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "0"
	case errors.As(err, &exit):
		return strconv.Itoa(exit.ExitCode())
	}
	return err.Error()
}

// TestExitTable compares the table of docs/cli.md with the program: each code that it names has the exit status of its row, and
// every code of package fault is named.
func TestExitTable(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(cliDoc)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[fault.Code]int{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d) \| [^|]+ \| (.*) \|$`).FindAllStringSubmatch(string(doc), -1) {
		exit, _ := strconv.Atoi(row[1])
		for code := range strings.SplitSeq(row[2], ", ") {
			documented[fault.Code(strings.Trim(code, "` "))] = exit
		}
	}
	for _, code := range faultCodes(t) {
		exit, ok := documented[code]
		if !ok {
			t.Errorf("docs/cli.md does not say how %q exits", code)
		} else if exit != code.Exit() {
			t.Errorf("%q exits %d, docs/cli.md says %d", code, code.Exit(), exit)
		}
	}
	if got := len(faultCodes(t)); got < 22 {
		t.Errorf("only %d codes were found in package fault", got)
	}
}

// faultCodes reads the codes out of the source of package fault: there is no list of them at run time.
func faultCodes(t *testing.T) (codes []fault.Code) {
	t.Helper()
	src, err := os.ReadFile("../fault/fault.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t\w+\s+Code = "(\w+)"`).FindAllStringSubmatch(string(src), -1) {
		codes = append(codes, fault.Code(m[1]))
	}
	return codes
}

// TestCommandTable compares the list of commands in docs/cli.md with the program.
func TestCommandTable(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(cliDoc)
	if err != nil {
		t.Fatal(err)
	}
	if table := cli.CommandTable(); !strings.Contains(string(doc), table) {
		t.Errorf("the section Commands of docs/cli.md should be:\n%s", table)
	}
}
