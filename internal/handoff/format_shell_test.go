//go:build unix

package handoff

import (
	"os"
	"os/exec"
	"testing"

	"pgregory.net/rapid"
)

// TestI21EvalReadsTheValue: eval, source and "." in real shells set the variables to what they are and run nothing.
func TestI21EvalReadsTheValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shell, format string
		argv          []string // the text is $TEXT
	}{
		{"dash", "shell", []string{"dash", "-c", `eval "$TEXT"; printf '%s|%s|%s' "$A" "$B" "$C"`}},
		{"bash", "shell", []string{"bash", "-c", `eval "$TEXT"; printf '%s|%s|%s' "$A" "$B" "$C"`}},
		{"bash-posix", "shell", []string{"bash", "--posix", "-c", `eval "$TEXT"; printf '%s|%s|%s' "$A" "$B" "$C"`}},
		{"bash-history", "shell", []string{"bash", "-c", `set -o history -o histexpand; eval "$TEXT"; printf '%s|%s|%s' "$A" "$B" "$C"`}},
		{"zsh", "shell", []string{"zsh", "-fc", `eval "$TEXT"; printf '%s|%s|%s' "$A" "$B" "$C"`}},
		{"fish", "fish", []string{"fish", "--no-config", "-c", `printf %s $TEXT | source; printf '%s|%s|%s' $A $B $C`}},
		{"dash", "dotenv", []string{"dash", "-c", `eval "$TEXT"; printf '%s|%s|%s' "$A" "$B" "$C"`}},
		{"bash", "dotenv", []string{"bash", "-c", `eval "$TEXT"; printf '%s|%s|%s' "$A" "$B" "$C"`}},
		{"zsh", "dotenv", []string{"zsh", "-fc", `eval "$TEXT"; printf '%s|%s|%s' "$A" "$B" "$C"`}},
	} {
		t.Run(c.shell+"/"+c.format, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			check := func(t interface{ Fatalf(string, ...any) }, v string) {
				out, err := WriteEnv(c.format, []Variable{val("A", "first"), val("B", v), val("C", "last")}, zeros{})
				if err != nil {
					t.Fatalf("%q: %v", clip(v), err)
				}
				cmd := exec.Command(c.argv[0], c.argv[1:]...)
				cmd.Dir = dir
				cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TEXT=" + string(out), "LC_ALL=C.UTF-8"}
				got, err := cmd.CombinedOutput()
				if want := "first|" + v + "|last"; err != nil || string(got) != want {
					t.Fatalf("%q: %v: %q from %q", clip(v), err, clip(string(got)), clip(string(out)))
				}
			}
			fits := func(v string) bool {
				return len(v) < 100<<10 && (c.format != "dotenv" || fitsDotenv(v) == nil)
			}
			for _, v := range hostile {
				if fits(v) {
					check(t, v)
				}
			}
			rapid.Check(t, func(t *rapid.T) { check(t, rapid.Custom(value).Filter(fits).Draw(t, "fitting")) })
			if files, err := os.ReadDir(dir); err != nil || len(files) > 0 && c.shell != "fish" {
				t.Errorf("something ran: %v, %v", files, err)
			}
		})
	}
}
