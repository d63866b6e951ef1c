package systemtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// TestI12Children looks at every program that tacit starts, as the kernel shows it: no argument holds a secret, and the environment
// holds no secret but what was asked for, and nothing that opens the vault.
func TestI12Children(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	seen, bin := filepath.Join(u.home, "seen"), filepath.Join(u.home, "bin")
	for _, dir := range []string{seen, bin} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// Each shows what it was started with and then plays its part.
	for name, part := range map[string]string{
		"editor":          `printf 'edited by %s' "$(basename "$0")" >"$1"`,
		"xclip":           `case "$*" in *-out*) cat "` + u.home + `/clip" ;; *) cat >"` + u.home + `/clip" ;; esac`,
		"age-plugin-seen": `exit 1`,
		"child":           `exit 0`,
	} {
		script := fmt.Sprintf("#!/bin/sh\nfor f in environ cmdline; do cat /proc/$$/$f >'%s/%s.'$$.$f; done\n%s\n", seen, name, part)
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	wanted, other := canary("wanted"), canary("other")
	phrase := canary("phrase")
	phraseFile := filepath.Join(u.home, "phrase")
	if err := os.WriteFile(phraseFile, []byte(phrase), 0o600); err != nil {
		t.Fatal(err)
	}
	u.env = []string{"SLOT_OF_MINE=" + id.String()}
	u.ok("", "init", "--key-file", filepath.Join(u.home, "identity.txt"), "--env", "SLOT_OF_MINE")
	u.ok(wanted, "set", "wanted")
	u.ok(other, "set", "other")
	keyFile, err := os.ReadFile(filepath.Join(u.home, "identity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	u.env = append(
		u.env, "PATH="+bin+":"+os.Getenv("PATH"), "DISPLAY=:99", "EDITOR="+filepath.Join(bin, "editor"), "TACIT_PASSPHRASE_FILE="+phraseFile,
		"TACIT_PASSPHRASE="+phrase, "TACIT_IDENTITY="+id.String(), "TACIT_IDENTITY_FILE="+filepath.Join(u.home, "identity.txt"),
	)
	recipient := plugin.EncodeRecipient("seen", []byte("somebody"))
	u.ok("", "run", "-e", "GIVEN=wanted", "--", "child")
	u.ok("", "run", "--pristine", "-e", "GIVEN=wanted", "--", "child")
	u.ok("", "edit", "other")
	u.ok("", "get", "wanted", "--copy", "--clear-after", "1s")
	if r := u.run("", "slot", "add", "recipient", recipient); r.exit == 0 {
		t.Error("a plugin that fails made a slot")
	}
	if r := u.run("", "export", "--recipient", recipient, "-o", filepath.Join(u.home, "x.age")); r.exit == 0 {
		t.Error("a plugin that fails made a backup")
	}
	// The process that clears the clipboard is tacit itself; it starts xclip again.
	await(t, "the clipboard to be cleared", func() bool {
		b, err := os.ReadFile(filepath.Join(u.home, "clip"))
		return err == nil && len(b) == 0
	})

	files, err := filepath.Glob(filepath.Join(seen, "*"))
	if err != nil {
		t.Fatal(err)
	}
	started := map[string]int{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(filepath.Base(f), ".")
		isEnv := strings.HasSuffix(f, ".environ")
		for what, s := range map[string]string{
			"the other value": other, "the passphrase": phrase, "an identity": id.String(), "any age identity": "AGE-SECRET-KEY-", "a line of the key file": lastLine(keyFile),
			"the value": wanted,
		} {
			if what == "the value" && isEnv && name == "child" {
				continue
			}
			for _, form := range forms([]byte(s)) {
				if bytes.Contains(b, form) {
					t.Errorf("%s: %s holds %s", name, filepath.Ext(f), what)
				}
			}
		}
		if !isEnv {
			continue
		}
		started[name]++
		variables := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
		for _, v := range variables {
			if strings.HasPrefix(v, "TACIT_PASSPHRASE") || strings.HasPrefix(v, "TACIT_IDENTITY") || strings.HasPrefix(v, "SLOT_OF_MINE") {
				t.Errorf("%s got %.20s…", name, v)
			}
		}
		if name == "child" && !slices.Contains(variables, "GIVEN="+wanted) {
			t.Errorf("the child did not get its variable: %q", variables)
		}
	}
	for name, n := range map[string]int{"child": 2, "editor": 1, "xclip": 3, "age-plugin-seen": 2} {
		if started[name] < n {
			t.Errorf("%s was started %d times, want %d: %v", name, started[name], n, started)
		}
	}
}

func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}
