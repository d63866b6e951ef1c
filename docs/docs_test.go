// Package docs_test keeps the documentation true: the commands in it are run as they are written, the tables in it are compared
// with the program, and its links lead somewhere.
//
// A fenced block marked sh is a script. The blocks of one page are run from top to bottom in one empty home with tacit installed, as
// a reader would follow the page. A line `# → text` after a command says what the output since the last such line must contain; an
// ellipsis in it stands for anything. Words after sh:
//
//	no-run  not run: needs a terminal, another machine or long time
//	repo    run at the root of the repository instead of the home
package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// root of the repository.
const root = ".."

// pages are all pages that a user reads.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/providers/*.md", "docs/decisions/*.md", "bench/*.md", "sdk/*/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		t.Fatal("no pages found")
	}
	return all
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A block is one fenced block that is a script.
type block struct {
	line   int // of its first command
	attrs  []string
	script string
}

var fence = regexp.MustCompile("^(\\s*)```(.*)$")

// blocks returns the scripts of a page in their order.
func blocks(page string) []block {
	var all []block
	var at *block
	open, indent, keep := false, "", false
	for i, line := range strings.Split(page, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil && !open:
			open, indent = true, m[1]
			words := strings.Fields(m[2])
			keep = len(words) > 0 && words[0] == "sh"
			if keep {
				all = append(all, block{line: i + 2, attrs: words[1:]})
				at = &all[len(all)-1]
			}
		case m != nil:
			open = false
		case open && keep:
			at.script += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	return all
}

// mark stands in the output where an expectation stood in the script.
const mark = "\x1e"

// instrument replaces each run of expectations by a command that prints a mark, and returns them, one slice a mark.
func instrument(script string) (string, [][]string) {
	var out strings.Builder
	var want [][]string
	previous := false
	for _, line := range strings.Split(script, "\n") {
		text, is := strings.CutPrefix(strings.TrimSpace(line), "# → ")
		switch {
		case is && previous:
			want[len(want)-1] = append(want[len(want)-1], text)
		case is:
			want = append(want, []string{text})
			out.WriteString(`printf '\036'` + "\n")
		default:
			out.WriteString(line + "\n")
		}
		previous = is
	}
	return out.String(), want
}

// missing returns the expectations that the output does not meet.
func missing(output string, want [][]string) []string {
	var lost []string
	parts := strings.Split(output, mark)
	for i, expectations := range want {
		for _, w := range expectations {
			pattern := strings.ReplaceAll(regexp.QuoteMeta(w), "…", ".*")
			if i >= len(parts) || !regexp.MustCompile(pattern).MatchString(parts[i]) {
				lost = append(lost, w)
			}
		}
	}
	return lost
}

func TestCommandsRun(t *testing.T) {
	tacit := build(t)
	for _, page := range pages(t) {
		if strings.Contains(page, "examples") {
			continue // each has a test of its own, which sets up what it needs
		}
		scripts := slices.DeleteFunc(blocks(read(t, page)), func(b block) bool { return slices.Contains(b.attrs, "no-run") })
		if len(scripts) == 0 {
			continue
		}
		name, _ := filepath.Rel(root, page)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			install(t, tacit, home)
			t.Cleanup(func() { _, _ = follow(home, false, "tacit agent stop; test ! -f demo.pid || kill $(cat demo.pid)") })
			for _, b := range scripts {
				script, want := instrument(b.script)
				out, err := follow(home, slices.Contains(b.attrs, "repo"), script)
				if err != nil {
					t.Fatalf("%s:%d: %v\n%s\n%s", name, b.line, err, b.script, out)
				}
				for _, w := range missing(out, want) {
					t.Errorf("%s:%d: the output lacks %q:\n%s\n%s", name, b.line, w, b.script, out)
				}
			}
		})
	}
}

// follow runs a script as a reader of the page would, and returns what the terminal would show.
func follow(home string, repo bool, script string) (string, error) {
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir = home
	if repo {
		cmd.Dir = root
	}
	cmd.Env = append([]string{
		"HOME=" + home, "NPM_CONFIG_USERCONFIG=" + npmConfig(), "PATH=" + filepath.Join(home, ".local", "bin") + ":" + os.Getenv("PATH"), "TERM=dumb", "LANG=C.UTF-8", "EDITOR=true",
	}, goEnv()...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// npmConfig is where npm of the user who runs the tests has its settings, such as the registry.
func npmConfig() string {
	if file := os.Getenv("NPM_CONFIG_USERCONFIG"); file != "" {
		return file
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".npmrc")
}

// goEnv keeps a build inside a script from fetching everything anew into the empty home.
func goEnv() []string {
	names := []string{"GOMODCACHE", "GOCACHE", "GOPROXY", "GOFLAGS", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		return nil
	}
	var env []string
	for i, value := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		if i < len(names) && value != "" {
			env = append(env, names[i]+"="+value)
		}
	}
	return env
}

// build returns tacit as it ships.
func build(t *testing.T) string {
	t.Helper()
	tacit := filepath.Join(t.TempDir(), "tacit")
	cmd := exec.Command("go", "build", "-trimpath", "-o", tacit, "./cmd/tacit")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return tacit
}

func install(t *testing.T, tacit, home string) {
	t.Helper()
	bin := filepath.Join(home, ".local", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(tacit)
	if err != nil {
		t.Fatal(err)
	}
	// A program that is open for writing, as it is in a child that another test forks in this moment, cannot be run.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(filepath.Join(bin, "tacit"), b, 0o755); err != nil {
		t.Fatal(err)
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			to := page
			if target != "" {
				to = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, to)), anchor) {
				t.Errorf("%s: the link %s: %s has no such heading", page, m[1], to)
			}
		}
	}
}

// anchors are the names that headings get on a page.
func anchors(page string) []string {
	drop := regexp.MustCompile(`[^\p{L}\p{N}\- ]`)
	var all []string
	for _, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(line, "#") {
			heading := strings.ToLower(strings.TrimSpace(strings.TrimLeft(line, "#")))
			all = append(all, strings.ReplaceAll(drop.ReplaceAllString(heading, ""), " ", "-"))
		}
	}
	return all
}

// The test of pages is a program too.
func TestBlocks(t *testing.T) {
	page := "text\n```sh\nfirst\n```\n```console\n$ no\n```\n- item\n  ```sh repo no-run\n  second\n  ```\n```sh\nthird\n# → a … b\n# → c\nfourth\n# → d\n```\n"
	got := blocks(page)
	want := []block{
		{3, []string{}, "first\n"},
		{10, []string{"repo", "no-run"}, "second\n"},
		{13, []string{}, "third\n# → a … b\n# → c\nfourth\n# → d\n"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("blocks: %v, want %v", got, want)
	}
	script, expect := instrument(got[2].script)
	if script != "third\nprintf '\\036'\nfourth\nprintf '\\036'\n\n" || fmt.Sprint(expect) != "[[a … b c] [d]]" {
		t.Errorf("instrument: %q, %q", script, expect)
	}
	if lost := missing("x\na 12 b\nc\x1enot\x1e", expect); fmt.Sprint(lost) != "[d]" {
		t.Errorf("missing: %q", lost)
	}
}
