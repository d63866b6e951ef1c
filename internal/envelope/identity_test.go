package envelope

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"filippo.io/age"

	"tacit/internal/fault"
)

// run runs a command and returns its standard output.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return string(out)
}

func (m *machine) sshKey(name, kind, phrase string) (public string) {
	m.t.Helper()
	args := []string{"-q", "-t", kind, "-N", phrase, "-C", "ana@laptop", "-f", m.path(name)}
	if kind == "rsa" {
		args = append(args, "-b", "2048")
	}
	run(m.t, "ssh-keygen", args...)
	b, err := os.ReadFile(m.path(name + ".pub"))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b)
}

func TestKeyFileIsMadeOnce(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	path := m.path("new/dir/identity.txt")
	s, made := m.makeShown("1", Spec{Kind: SlotKeyFile, Path: path, Label: "laptop"})
	if !s.PostQuantum || s.Path != path || !strings.Contains(made.Notice, path) {
		t.Errorf("slot %+v, notice %q", s.Path, made.Notice)
	}
	for p, mode := range map[string]os.FileMode{path: 0o600, m.path("new/dir"): 0o700 | os.ModeDir, m.path("new"): 0o700 | os.ModeDir} {
		if info, err := os.Stat(p); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	text, _ := os.ReadFile(path)
	lines := strings.Split(string(text), "\n")
	if len(lines) != 4 || lines[0] != "# created: 2026-03-04T05:06:07Z" || lines[1] != "# public key: "+s.Recipient || !strings.HasPrefix(lines[2], "AGE-SECRET-KEY-PQ-1") {
		t.Errorf("key file has %d lines: %q, %q", len(lines), lines[0], lines[1][:30])
	}
	m.opens("1", s)
	again, made := m.makeShown("2", Spec{Kind: SlotKeyFile, Path: path})
	if again.Recipient != s.Recipient || made.Notice != "" {
		t.Error("the file that was there was not taken")
	}
}

func TestKeyFileOfAgeKeygen(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	path := m.path("key.txt")
	run(t, "age-keygen", "-o", path)
	s := m.make("1", Spec{Kind: SlotKeyFile, Path: path})
	if s.PostQuantum || s.Recipient != strings.TrimSpace(run(t, "age-keygen", "-y", path)) {
		t.Error("recipient", s.Recipient)
	}
	m.opens("1", s)

	// Several identities: a post-quantum one is preferred, and the slot opens with the file as it is.
	classic, _ := os.ReadFile(path)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	m.write("key.txt", string(classic)+"\n"+hybrid.String()+"\n", 0o600)
	both := m.make("2", Spec{Kind: SlotKeyFile, Path: path})
	if !both.PostQuantum {
		t.Error("the classic key was taken")
	}
	m.opens("2", both)
	m.opens("1", s)
}

func TestKeyFileProblems(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	path := m.path("it's mine.txt")
	s := m.make("1", Spec{Kind: SlotKeyFile, Path: path})
	good, _ := os.ReadFile(path)
	for _, c := range []struct {
		name    string
		content string
		mode    os.FileMode
		class   fault.Code
		words   string
	}{
		{"another key", newKey(t), 0o600, fault.WrongKey, "it's mine.txt is another key"},
		{"nonsense", "AGE-SECRET-KEY-1AAAA\n", 0o600, fault.Locked, "line 1: no age identity"},
		{"empty", "# nothing\n", 0o600, fault.Locked, "holds no age identity"},
		{"huge", strings.Repeat("#\n", maxIdentityFile), 0o600, fault.Locked, "too large"},
		{"encrypted", "age-encryption.org/v1\n-> scrypt x 10\n", 0o600, fault.Locked, "is encrypted itself"},
		{"I07 group", string(good), 0o640, fault.Permissions, `chmod 600 '|it'\''s mine.txt'|mode 0640`},
		{"I07 others", string(good), 0o604, fault.Permissions, "chmod 600"},
	} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		m.write("it's mine.txt", c.content, 0o600)
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		t.Log(c.name)
		m.fails(c.class, c.words, s)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(m.path("elsewhere"), path); err != nil {
		t.Fatal(err)
	}
	_, _, err := m.Make(t.Context(), "2", "v_test", Spec{Kind: SlotKeyFile, Path: path}, 1, m.root)
	wantError(t, err, fault.Invalid, "create key file") // a link to nowhere is not followed
	if _, err := os.Stat(m.path("elsewhere")); err == nil {
		t.Error("a key was written through a symbolic link")
	}
	m.sshKey("id", "ed25519", "")
	_, _, err = m.Make(t.Context(), "2", "v_test", Spec{Kind: SlotKeyFile, Path: m.path("id")}, 1, m.root)
	wantError(t, err, fault.Invalid, "is an ssh key|slot add recipient")
}

func newKey(t testing.TB) string {
	t.Helper()
	k, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return k.String() + "\n"
}

func TestRecipientSlots(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	x, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	pq, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	m.write("x.txt", x.String(), 0o600)
	m.write("pq.txt", pq.String(), 0o600)
	ed, rsa := m.sshKey("id_ed25519", "ed25519", ""), m.sshKey("id_rsa", "rsa", "")
	locked := m.sshKey("id_locked", "ed25519", "key phrase")
	for _, c := range []struct {
		name, recipient, file string
		typed                 []string
	}{
		{"x25519", x.Recipient().String(), "x.txt", nil},
		{"hybrid", pq.Recipient().String(), "pq.txt", nil},
		{"ssh-ed25519", ed, "id_ed25519", nil},
		{"ssh-rsa", rsa, "id_rsa", nil},
		{"ssh-ed25519 with a passphrase", locked, "id_locked", []string{"key phrase"}},
	} {
		s := m.make("1", Spec{Kind: SlotRecipient, Recipient: c.recipient})
		if s.PostQuantum != (c.name == "hybrid") || strings.Contains(s.Recipient, "laptop") {
			t.Errorf("%s: %v %q", c.name, s.PostQuantum, s.Recipient)
		}
		m.IdentityFiles = nil
		m.alone().fails(fault.Locked, "no identity|TACIT_IDENTITY_FILE", s)
		m.IdentityFiles = []string{m.path("missing"), m.path("id_rsa"), m.path("x.txt"), m.path(c.file)}
		m.atTerminal(c.typed...).opens("1", s)
		if len(m.asked) != len(c.typed) {
			t.Errorf("%s: asked %q", c.name, m.asked)
		}
		m.IdentityFiles = nil
		m.env["TACIT_IDENTITY_FILE"] = m.path(c.file)
		m.atTerminal(c.typed...).opens("1", s)
		delete(m.env, "TACIT_IDENTITY_FILE")
	}
	s := m.make("1", Spec{Kind: SlotRecipient, Recipient: locked})
	m.IdentityFiles = []string{m.path("id_locked")}
	m.alone().fails(fault.Locked, "no terminal to ask for its passphrase", s)
	m.atTerminal("wrong phrase").fails(fault.Locked, "slot 1 (recipient)", s)
	phrase := m.passphrase("2", "correct horse")
	m.atTerminal("wrong phrase", "correct horse").opens("2", s, phrase)
}

func TestRecipientsThatAreRefused(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	key := strings.TrimSpace(newKey(t))
	run(t, "ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", m.path("weak"))
	weak, _ := os.ReadFile(m.path("weak.pub"))
	run(t, "ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", m.path("ec"))
	ec, _ := os.ReadFile(m.path("ec.pub"))
	for recipient, words := range map[string]string{
		"": "unknown kind", "age1nonsense": "damaged", "age1pq1nonsense": "damaged", "ssh-ed25519 AAAA": "no ssh public key", "github:ana": "unknown kind",
		key: "private key, not a recipient", string(weak): "2048 bits", "ssh-ecdsa " + string(ec): "ssh",
		"age1yubikey1qwerty": "damaged",
	} {
		_, _, err := m.Make(t.Context(), "1", "v", Spec{Kind: SlotRecipient, Recipient: recipient}, 1, m.root)
		wantError(t, err, fault.Invalid, words)
		if err != nil && strings.Contains(err.Error(), key) {
			t.Error("the error quotes a private key")
		}
	}
}

// A slot whose age file is not for the recipient that it names was changed by somebody: the owner's own key finds out.
func TestSlotForAnotherRecipientIsTampered(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	mine := m.make("1", Spec{Kind: SlotKeyFile, Path: m.path("mine.txt")})
	theirs := m.make("1", Spec{Kind: SlotKeyFile, Path: m.path("theirs.txt")})
	swapped := mine
	swapped.Age = theirs.Age
	m.fails(fault.Tampered, "slot 1 (key file)|not encrypted to its own recipient", swapped)
	phrase := m.passphrase("2", "correct horse")
	m.atTerminal("correct horse").opens("2", swapped, phrase)
}

func TestTryTakesExactlyThisSlot(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	a, b := m.passphrase("1", "correct horse"), m.passphrase("2", "battery staple")
	file := m.make("3", Spec{Kind: SlotKeyFile, Path: m.path("i.txt")})
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	m.env["TACIT_IDENTITY"] = newKey(t)
	for _, s := range []Slot{a, file} {
		root, err := m.Try(t.Context(), s)
		if err != nil || !root.equal(m.root) {
			t.Error(s.ID, err)
		}
	}
	_, err := m.Try(t.Context(), b)
	wantError(t, err, fault.WrongKey, "slot 2|TACIT_PASSPHRASE")
	m.atTerminal("battery staple")
	if _, err = m.Try(t.Context(), b); err != nil {
		t.Error(err)
	}
	delete(m.env, "TACIT_PASSPHRASE")
	m.alone().Forget()
	_, err = m.Try(t.Context(), a)
	wantError(t, err, fault.Locked, "no terminal|TACIT_PASSPHRASE")
}

func TestRemake(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.Keyring = &fakeKeyring{items: map[string]string{}}
	pq := m.make("3", Spec{Kind: SlotKeyFile, Path: m.path("i.txt"), Label: "laptop"})
	env, made := m.makeShown("4", Spec{Kind: SlotEnv, Env: "KEY"})
	slots := []Slot{
		m.passphrase("1", "correct horse"), m.make("2", Spec{Kind: SlotRecovery}), pq, env,
		m.make("5", Spec{Kind: SlotKeyring}), m.make("6", Spec{Kind: SlotRecipient, Recipient: m.sshKey("id", "ed25519", "")}),
	}
	next := newMachine(t).root
	if err := os.Rename(m.path("i.txt"), m.path("away.txt")); err != nil { // only its recipient is needed
		t.Fatal(err)
	}
	old := m.root
	m.root = next
	for _, s := range slots {
		m.atTerminal("typo", "correct horse")
		again, made, err := m.Remake(t.Context(), s, old, 2, next)
		if err != nil {
			t.Fatalf("slot %s: %v", s.ID, err)
		}
		if again.Epoch != 2 || again.Seal != nil || again.Recipient != s.Recipient || again.Label != s.Label || !again.CreatedAt.Equal(s.CreatedAt) {
			t.Errorf("slot %s: %+v", s.ID, again)
		}
		if (made.Phrase.Len() > 0) != (s.Kind == SlotRecovery) || len(m.asked) > 0 != (s.Kind == SlotPassphrase) {
			t.Errorf("slot %s: phrase of %d bytes, asked %q", s.ID, made.Phrase.Len(), m.asked)
		}
		if s.Kind == SlotRecovery {
			m.atTerminal(string(made.Phrase.Reveal())).opens("2", again)
		}
		slots[map[string]int{"1": 0, "2": 1, "3": 2, "4": 3, "5": 4, "6": 5}[s.ID]] = again
	}
	m.env["KEY"] = string(made.Phrase.Reveal())
	m.opens("4", slots[3])
	m.opens("5", slots[4])
	m.env["TACIT_IDENTITY_FILE"] = m.path("away.txt")
	m.opens("3", slots[2])

	// A passphrase that does not open the slot as it is makes no new one.
	s := slots[0]
	m.Forget()
	m.env["TACIT_PASSPHRASE"] = "mistyped"
	_, _, err := m.alone().Remake(t.Context(), s, nil, 3, next)
	wantError(t, err, fault.WrongKey, "slot 1|TACIT_PASSPHRASE")
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	_, _, err = m.Remake(t.Context(), s, old, 3, next)
	wantError(t, err, fault.Tampered, "another root key")
}

func BenchmarkOpenKeyFile(b *testing.B) {
	m := newMachine(b)
	for _, c := range []struct {
		name string
		make func() string
	}{
		{"hybrid", func() string { return m.path("pq.txt") }},
		{"x25519", func() string { run(b, "age-keygen", "-o", m.path("x.txt")); return m.path("x.txt") }},
	} {
		s := m.make("1", Spec{Kind: SlotKeyFile, Path: c.make()})
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				root, _, err := m.Open(b.Context(), []Slot{s})
				if err != nil {
					b.Fatal(err)
				}
				root.Wipe()
			}
		})
	}
}

func BenchmarkOpenPassphrase(b *testing.B) {
	m := newMachine(b)
	m.WorkFactor = 0
	s := m.passphrase("1", "correct horse")
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	for b.Loop() {
		if _, _, err := m.Open(b.Context(), []Slot{s}); err != nil {
			b.Fatal(err)
		}
	}
}
