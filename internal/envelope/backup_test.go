package envelope

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/creack/pty"

	"tacit/internal/fault"
)

const backupText = `{"format":1}`

// encrypted returns an age file that open made a writer for.
func encrypted(t testing.TB, open func(io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := open(&file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, backupText); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func (m *machine) backup(s Slot) []byte {
	m.t.Helper()
	return encrypted(m.t, func(w io.Writer) (io.WriteCloser, error) { return m.EncryptTo(m.t.Context(), s, w) })
}

func (m *machine) decrypt(file []byte, slots ...Slot) (string, error) {
	r, err := m.Decrypt(m.t.Context(), bytes.NewReader(file), slots)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), err
}

// ageOnTerminal runs a shell command in a terminal on which somebody types a passphrase at the prompt, and returns what it wrote to its output.
func ageOnTerminal(t testing.TB, command, passphrase string) string {
	t.Helper()
	out := t.TempDir() + "/out"
	cmd := exec.Command("sh", "-c", command+" >"+shellQuote(out))
	f, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var screen bytes.Buffer
	buf := make([]byte, 1024)
	for {
		n, err := f.Read(buf)
		screen.Write(buf[:n])
		if bytes.HasSuffix(bytes.TrimSpace(screen.Bytes()), []byte(":")) {
			if _, err := io.WriteString(f, passphrase+"\n"); err != nil {
				t.Fatal(err)
			}
			screen.Reset()
		}
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, screen.String())
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Leaving is always possible: AgeCommand, run as it stands, opens a backup and the slot itself with Debian's age.
func TestStockAgeOpensBackupsAndSlots(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	run(t, "age-keygen", "-o", m.path("my key.txt"))
	file := m.make("1", Spec{Kind: SlotKeyFile, Path: m.path("my key.txt")})
	phrase := m.passphrase("2", "correct horse")
	recovery, made := m.makeShown("3", Spec{Kind: SlotRecovery})
	recipient, _ := withPlugin(m)
	plugged := m.make("4", Spec{Kind: SlotRecipient, Recipient: recipient})
	m.sshKey(".ssh/../id_ed25519", "ed25519", "")
	for _, c := range []struct {
		slot   Slot
		phrase string
	}{{file, ""}, {phrase, "correct horse"}, {recovery, string(made.Phrase.Reveal())}, {plugged, ""}} {
		m.atTerminal(c.phrase)
		backup := m.write("backup 1.age", string(m.backup(c.slot)), 0o600)
		slot := m.write("slot.age", string(c.slot.Age), 0o600)
		prefix := "PATH=" + shellQuote(m.path("bin")) + ":$PATH TACITTEST_KEY=" + shellQuote(m.path("default.txt")) + " "
		for path, want := range map[string]string{backup: backupText, slot: string(m.root.mem.bytes())} {
			command := c.slot.AgeCommand(path)
			got := ""
			if c.phrase != "" {
				got = ageOnTerminal(t, command, c.phrase)
			} else {
				got = run(t, "sh", "-c", prefix+command)
			}
			if got != want {
				t.Errorf("slot %s: %s: %d bytes", c.slot.ID, command, len(got))
			}
		}
	}
}

// And the other way round: a slot and a backup that stock age made.
func TestFilesOfStockAgeOpen(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	key := bytes.Repeat([]byte{7}, KeySize)
	root, err := RootFrom(key)
	if err != nil {
		t.Fatal(err)
	}
	m.root = root
	plain := m.write("root", string(key), 0o600)
	run(t, "age-keygen", "-o", m.path("key.txt"))
	recipient := strings.TrimSpace(run(t, "age-keygen", "-y", m.path("key.txt")))
	s := m.make("1", Spec{Kind: SlotKeyFile, Path: m.path("key.txt")})
	s.Age = []byte(run(t, "age", "-r", recipient, plain))
	m.opens("1", s)

	p := m.passphrase("2", "correct horse")
	p.Age = []byte(ageOnTerminal(t, "age -p "+shellQuote(plain), "correct horse"))
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	m.opens("2", p)
	delete(m.env, "TACIT_PASSPHRASE")

	text := m.write("backup.json", backupText, 0o600)
	for _, args := range [][]string{{"-r", recipient, text}, {"-a", "-r", recipient, text}} {
		if got, err := m.decrypt([]byte(run(t, "age", args...)), s); got != backupText || err != nil {
			t.Errorf("%v: %q, %v", args, got, err)
		}
	}
}

// The vectors in testdata were made once with the age of Debian 12 (1.1.1): what was written then opens for ever.
func TestSlotVectors(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	root, err := RootFrom(bytes.Repeat([]byte{7}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	m.root = root
	read := func(name string) string {
		b, err := os.ReadFile("testdata/vectors/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	phrase, err := DecodeSlot([]byte(read("passphrase.json")))
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := DecodeSlot([]byte(read("recipient.json")))
	if err != nil {
		t.Fatal(err)
	}
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	m.opens("1", phrase, recipient)
	delete(m.env, "TACIT_PASSPHRASE")
	m.env["TACIT_IDENTITY"] = read("key.txt")
	m.opens("2", phrase, recipient)
	k, err := NewKeys(root, "v_vector", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Slot{phrase, recipient} {
		if err := s.Authenticate(k, "v_vector"); err != nil {
			t.Error(err)
		}
	}
	if _, p, err := k.Open(Bind("v_vector", "vector", []byte("key"), "more"), []byte(read("box.bin"))); err != nil || string(p) != "plaintext" {
		t.Errorf("box: %q, %v", p, err)
	}
}

func TestBackupIsForItsSlot(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.Keyring = &fakeKeyring{items: map[string]string{}}
	phrase := m.passphrase("1", "correct horse")
	file := m.make("2", Spec{Kind: SlotKeyFile, Path: m.path("i.txt")})
	env, made := m.makeShown("3", Spec{Kind: SlotEnv, Env: "KEY"})
	ring := m.make("4", Spec{Kind: SlotKeyring})
	recovery, words := m.makeShown("5", Spec{Kind: SlotRecovery})
	slots := []Slot{phrase, file, env, ring, recovery}

	// A mistyped passphrase makes no backup.
	m.atTerminal("typo", "typo", "typo")
	_, err := m.EncryptTo(t.Context(), phrase, io.Discard)
	wantError(t, err, fault.WrongKey, "slot 1")
	m.atTerminal("correct horse")
	locked := m.backup(phrase)
	m.backup(phrase) // it is known now
	if len(m.asked) != 1 {
		t.Errorf("asked %q", m.asked)
	}
	m.Forget()
	_, err = m.alone().decrypt(locked, slots...)
	wantError(t, err, fault.Locked, "no terminal|TACIT_PASSPHRASE")
	m.atTerminal("typo", "typo", "typo")
	_, err = m.decrypt(locked, slots...)
	wantError(t, err, fault.WrongKey, "wrong passphrase")
	m.env["TACIT_PASSPHRASE"] = "typo"
	_, err = m.decrypt(locked, slots...)
	wantError(t, err, fault.WrongKey, "TACIT_PASSPHRASE")
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	if got, err := m.decrypt(locked); got != backupText || err != nil { // with no vault at hand
		t.Errorf("%q, %v", got, err)
	}
	delete(m.env, "TACIT_PASSPHRASE")
	m.alone()
	for _, s := range []Slot{file, ring} {
		if got, err := m.decrypt(m.backup(s), slots...); got != backupText || err != nil {
			t.Errorf("slot %s: %q, %v", s.ID, got, err)
		}
	}
	_, err = m.decrypt(m.backup(env), slots...)
	wantError(t, err, fault.WrongKey, "no key here|TACIT_IDENTITY_FILE")
	m.env["KEY"] = string(made.Phrase.Reveal())
	if got, err := m.decrypt(m.backup(env), slots...); got != backupText || err != nil {
		t.Errorf("env: %q, %v", got, err)
	}
	m.atTerminal(string(words.Phrase.Reveal()))
	last := m.backup(recovery)
	m.Forget()
	m.atTerminal(strings.ReplaceAll(string(words.Phrase.Reveal()), "-", " "))
	if got, err := m.decrypt(last, slots...); got != backupText || err != nil {
		t.Errorf("recovery: %q, %v", got, err)
	}
}

func TestI04DamagedBackups(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.make("1", Spec{Kind: SlotKeyFile, Path: m.path("i.txt")})
	file := m.backup(s)
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		got, err := m.decrypt(bad, s)
		if code := fault.CodeOf(err); code != fault.Corrupted && code != fault.Tampered && code != fault.WrongKey {
			t.Fatalf("byte %d changed: %q, %v", i, got, err)
		}
		if got, err = m.decrypt(file[:i], s); err == nil || fault.CodeOf(err) == fault.Failed {
			t.Fatalf("cut at %d: %q, %v", i, got, err)
		}
	}
	begin := time.Now()
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	locked := m.backup(m.passphrase("2", "correct horse"))
	_, err := m.decrypt(bytes.Replace(locked, []byte(" 10\n"), []byte(" 30\n"), 1), s)
	wantError(t, err, fault.Corrupted, `work factor of "30"`)
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestEncryptToRecipients(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	x, _ := age.GenerateX25519Identity()
	ed := m.sshKey("id", "ed25519", "")
	pq, _ := age.GenerateHybridIdentity()
	to := func(recipients ...string) func(io.Writer) (io.WriteCloser, error) {
		return func(w io.Writer) (io.WriteCloser, error) { return m.EncryptToRecipients(t.Context(), recipients, w) }
	}
	file := encrypted(t, to(x.Recipient().String(), ed))
	for _, identity := range []string{m.write("x.txt", x.String(), 0o600), m.path("id")} {
		m.env["TACIT_IDENTITY_FILE"] = identity
		if got, err := m.decrypt(file); got != backupText || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	delete(m.env, "TACIT_IDENTITY_FILE")
	m.env["TACIT_IDENTITY"] = pq.String()
	var armored bytes.Buffer
	a := armor.NewWriter(&armored)
	_, _ = a.Write(encrypted(t, to(pq.Recipient().String())))
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := m.decrypt(armored.Bytes()); got != backupText || err != nil {
		t.Errorf("armored: %q, %v", got, err)
	}
	_, err := to(x.Recipient().String(), pq.Recipient().String())(io.Discard)
	wantError(t, err, fault.Invalid, "cannot be mixed")
	_, err = to()(io.Discard)
	wantError(t, err, fault.Usage, "no recipients")
	_, err = m.Decrypt(t.Context(), iotestReader{}, nil)
	if err == nil {
		t.Error("read from a reader that fails")
	}
}

type iotestReader struct{}

func (iotestReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }
