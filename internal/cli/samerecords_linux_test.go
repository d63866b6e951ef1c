package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tacit/client"
	"tacit/internal/engine/enginetest"
)

// TestSameRecords does the same things with and without an agent: output, exit status and every record but for its door, its process
// and its time must be the same.
func TestSameRecords(t *testing.T) {
	t.Parallel()
	commands := [][]string{
		{"init"},
		{"set", "db.password", "hunter2-hunter2", "--tag", "prod"},
		{"set", "db.password", "hunter3-hunter3"},
		{"get", "db.password"},
		{"get", "db.password@1"},
		{"get", "db.password@9"},
		{"get", "missing"},
		{"get", "missing", "--optional"},
		{"show", "db.password"},
		{"show", "db.password", "--reveal"},
		{"generate", "api/key"},
		{"generate", "api/key"},
		{"set", "openai.key", "sk-0123456789", "--sealed", "--service", "openai"},
		{"get", "openai.key"},
		{"list"},
		{"list", "--names"},
		{"update", "db.password", "--tag", "more", "--note", "a note"},
		{"rotate", "db.password", "hunter4-hunter4", "--overlap", "30d"},
		{"history", "db.password"},
		{"diff", "db.password@1", "db.password@2"},
		{"rollback", "db.password@1"},
		{"purge", "db.password@2", "--force"},
		{"mv", "db.password", "db/main"},
		{"run", "-e", "X=db/main", "--", "sh", "-c", "printf $X; exit 7"},
		{"run", "-e", "X=db/main", "-e", "Y=api/key", "-e", "Z=db/main@1", "--", "sh", "-c", "printf $X; exit 7"},
		{"run", "-e", "X=db/main", "-e", "Y=missing", "-e", "Z=openai.key", "--", "true"},
		{"run", "-e", "X=api/key", "-e", "Y=openai.key", "--", "true"},
		{"env", "-e", "X=db/main", "-e", "Y=db/main", "-e", "Z=db/main@9"},
		{"set", "db/main", "scoped-value", "--scope", "workspace/shop"},
		{"get", "db/main", "--workspace", "shop"},
		{"env", "-e", "X=db/main", "-e", "Y=db/main@1", "--workspace", "shop"},
		{"import", "--entry", "ONE=1", "--entry", "TWO=2"},
		{"import", "--entry", "ONE=1"},
		{"rm", "api/key", "nothing", "--force"},
		{"rm", "api/key", "--force"},
		{"get", "db.password", "--provider", "env"},
		{"get", "tacit://env:db.password"},
		{"get", "nothing", "--provider", "env"},
		{"set", "db.password", "x", "--provider", "env"},
		{"show", "env:db.password"},
		{"list", "--provider", "env"},
		{"run", "-e", "X=env:db.password", "--", "sh", "-c", "printf $X"},
		{"provider", "list"},
		{"provider", "copy", "env", "local"},
		{"provider", "copy", "env", "local", "--json"},
		{"due"},
		{"whoami", "--workspace", "shop"},
		{"get", "bad name"},
		{"audit", "who", "db/main"},
		{"audit", "--failed"},
		{"audit", "verify"},
	}
	if enginetest.Slow > 1 { // each is three processes
		commands = commands[:8]
	}
	alone, through := newHome(t), newHome(t)
	alone.env = append(alone.env, "TACIT_SECRET_DB_PASSWORD=hunter5-hunter5")
	through.env = append(through.env, "TACIT_SECRET_DB_PASSWORD=hunter5-hunter5", throughAgent+"=1")
	t.Cleanup(func() { stopAgent(through.env) })
	for _, c := range commands {
		want, got := alone.outcome(c), through.outcome(c)
		if want != got {
			t.Errorf("tacit %s\nalone:\n%s\nthrough the agent:\n%s", strings.Join(c, " "), want, got)
		}
	}
	want, got := alone.records("cli"), through.records("socket")
	if len(want) < len(commands)/2 || !slices.Equal(want, got) {
		t.Errorf("alone:\n%s\nthrough the agent:\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

// outcome is everything that a command shows, but for times, ids and where the home is.
func (s *tacitHome) outcome(args []string) string {
	s.t.Helper()
	c := s.command(args...)
	var out, errs strings.Builder
	c.Stdout, c.Stderr, c.SysProcAttr = &out, &errs, noTerminal()
	exit := exitCode(c.Run())
	shown := fmt.Sprintf("%s\n--\n%s\n--\nexit %s", out.String(), errs.String(), exit)
	for _, change := range []struct{ pattern, by string }{
		{`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z`, "TIME"},
		{`\b[sv]_[0-9A-Z]+`, "ID"},
		{`[^ ]*/tacit/`, "HOME/"},
		{`door +(direct|socket)`, "DOOR"},
		{`\b(cli|socket)\n`, "DOOR\n"},
		{`head [0-9a-f]{64}`, "HEAD"},
	} {
		shown = regexp.MustCompile(change.pattern).ReplaceAllString(shown, change.by)
	}
	return shown
}

// records are those of the log that do not come from the command that prints them, each as a line; all but the first, which made the
// vault, must have come by the door.
func (s *tacitHome) records(door string) []string {
	s.t.Helper()
	c := s.command("audit", "export")
	c.SysProcAttr = noTerminal()
	out, err := c.Output()
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		var r client.AuditRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			s.t.Fatal(err)
		}
		if r.Door != door && r.Seq > 2 {
			s.t.Errorf("%s", line)
		}
		if r.UID != os.Getuid() || r.PID == 0 || r.Executable == nil || filepath.Base(*r.Executable) != "tacit" {
			s.t.Errorf("who was it? %s", line)
		}
		name := ""
		if r.Object.Name != nil && r.Object.Kind != "vault" {
			name = *r.Object.Name
		}
		all = append(all, fmt.Sprint(r.Seq, r.Principal, r.Action, r.Object.Kind, name, deref(r.Object.Version), deref(r.Object.Scope), deref(r.Provider),
			r.Result, deref(r.Reason), deref(r.Policy)))
	}
	return all
}

func deref[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}
