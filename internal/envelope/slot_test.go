package envelope

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// machine is a user's machine: an empty home, an environment, and somebody at the terminal, or nobody.
type machine struct {
	*Opener
	t     testing.TB
	home  string
	env   map[string]string
	typed []string // what is typed at the next prompts
	asked []string // the prompts
	root  *Root
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	root, err := NewRoot(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(root.Wipe)
	m := &machine{t: t, home: t.TempDir(), env: map[string]string{}, root: root}
	m.Opener = &Opener{
		Getenv:     func(n string) string { return m.env[n] },
		Random:     rand.Reader,
		Now:        func() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC) },
		VaultID:    "v_test",
		WorkFactor: 10,
		LookPath:   func(f string) (string, error) { return "", exec.ErrNotFound },
	}
	return m
}

// atTerminal puts somebody at the terminal, who types these lines.
func (m *machine) atTerminal(lines ...string) *machine {
	m.typed, m.asked = lines, nil
	m.Ask = func(_ context.Context, prompt string) (secret.Value, error) {
		m.asked = append(m.asked, prompt)
		if len(m.typed) == 0 {
			return secret.Value{}, errors.New("end of input")
		}
		line := m.typed[0]
		m.typed = m.typed[1:]
		return secret.New([]byte(line)), nil
	}
	return m
}

func (m *machine) alone() *machine { m.Ask = nil; return m }

func (m *machine) path(name string) string { return filepath.Join(m.home, name) }

func (m *machine) write(name, content string, mode os.FileMode) string {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(name)), 0o700); err != nil {
		m.t.Fatal(err)
	}
	// A program that is open for writing, as it is in a child that another test forks in this moment, cannot be run.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(m.path(name), []byte(content), mode); err != nil {
		m.t.Fatal(err)
	}
	return m.path(name)
}

func (m *machine) make(id string, spec Spec) Slot {
	m.t.Helper()
	s, _ := m.makeShown(id, spec)
	return s
}

func (m *machine) makeShown(id string, spec Spec) (Slot, Made) {
	m.t.Helper()
	s, made, err := m.Make(m.t.Context(), id, "v_test", spec, 1, m.root)
	if err != nil {
		m.t.Fatalf("make slot %s: %v", id, err)
	}
	b, err := EncodeSlot(s)
	if err != nil {
		m.t.Fatal(err)
	}
	if s, err = DecodeSlot(b); err != nil {
		m.t.Fatal(err)
	}
	return s, made
}

func (m *machine) passphrase(id, phrase string) Slot {
	m.t.Helper()
	return m.make(id, Spec{Kind: SlotPassphrase, Passphrase: secret.New([]byte(phrase))})
}

// opens fails the test unless one of the slots opens with the machine's root key, and it is the one with this id.
func (m *machine) opens(id string, slots ...Slot) {
	m.t.Helper()
	root, s, err := m.Open(m.t.Context(), slots)
	if err != nil {
		m.t.Errorf("open: %v", err)
		return
	}
	defer root.Wipe()
	if s.ID != id || !root.equal(m.root) {
		m.t.Errorf("slot %s opened, not %s; same key: %v", s.ID, id, root.equal(m.root))
	}
	if root, s := m.OpenAtOnce(m.t.Context(), slots); root != nil {
		defer root.Wipe()
		if s.ID != id || !root.equal(m.root) {
			m.t.Errorf("at once, slot %s opened and not %s; same key: %v", s.ID, id, root.equal(m.root))
		}
	}
}

// atOnce reports whether one of the slots opens at once.
func (m *machine) atOnce(slots ...Slot) bool {
	root, _ := m.OpenAtOnce(m.t.Context(), slots)
	if root != nil {
		root.Wipe()
	}
	return root != nil
}

// fails fails the test unless opening the slots ends in an error of the class that has all the words in it or its way out.
func (m *machine) fails(class fault.Code, words string, slots ...Slot) {
	m.t.Helper()
	_, _, err := m.Open(m.t.Context(), slots)
	wantError(m.t, err, class, words)
	if m.atOnce(slots...) {
		m.t.Error("a slot opens at once")
	}
}

func wantError(t testing.TB, err error, class fault.Code, words string) {
	t.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || fault.CodeOf(err) != class {
		t.Errorf("got %v (class %s), want class %s", err, fault.CodeOf(err), class)
		return
	}
	for _, w := range strings.Split(words, "|") {
		if !strings.Contains(e.Error()+" → "+e.Fix, w) {
			t.Errorf("%q → %q does not say %q", e.Error(), e.Fix, w)
		}
	}
	if strings.Contains(e.Error()+e.Fix, "\n") {
		t.Errorf("more than one line: %q", e.Error()+e.Fix)
	}
}

func TestPassphraseSlot(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s, other := m.passphrase("1", "correct horse"), m.passphrase("2", "battery staple")
	m.fails(fault.Locked, "slot 1 (passphrase)|TACIT_PASSPHRASE", s, other)

	m.atTerminal("wrong", "battery staple").opens("2", s, other)
	if len(m.asked) != 2 || !strings.HasPrefix(m.asked[1], "Wrong") {
		t.Errorf("asked %q", m.asked)
	}
	m.atTerminal("wrong", "wronger", "wrongest", "correct horse").fails(fault.WrongKey, "wrong passphrase", s, other)

	m.alone().env["TACIT_PASSPHRASE"] = "correct horse"
	m.opens("1", other, s)
	m.env["TACIT_PASSPHRASE"] = "mistyped"
	m.atTerminal("correct horse").fails(fault.WrongKey, "wrong passphrase in TACIT_PASSPHRASE|unset", s, other)
	if len(m.asked) > 0 {
		t.Error("asked although a passphrase was given")
	}
}

func TestPassphraseFile(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.passphrase("1", "correct horse")
	for _, content := range []string{"correct horse", "correct horse\n", "correct horse\r\n"} {
		m.env["TACIT_PASSPHRASE_FILE"] = m.write("phrase", content, 0o600)
		m.opens("1", s)
	}
	m.write("phrase", "correct horse\n\n", 0o600)
	m.fails(fault.WrongKey, "TACIT_PASSPHRASE_FILE", s)
	m.write("phrase", "\n", 0o600)
	m.fails(fault.Invalid, "empty", s)
	m.write("phrase", strings.Repeat("x", 5000), 0o600)
	m.fails(fault.Invalid, "too large", s)
	m.env["TACIT_PASSPHRASE_FILE"] = m.path("gone")
	m.fails(fault.Invalid, "gone", s)
}

func TestWeakPassphrasesAreRefused(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for phrase, why := range map[string]string{"": "short", "1234567": "short", "ééééééé": "short", "12345678\n": "control", strings.Repeat("x", 2000): "long"} {
		_, _, err := m.Make(t.Context(), "1", "v", Spec{Kind: SlotPassphrase, Passphrase: secret.New([]byte(phrase))}, 1, m.root)
		wantError(t, err, fault.Invalid, why)
	}
	m.passphrase("1", "éééééééé")
}

func TestStrength(t *testing.T) {
	t.Parallel()
	last := -1.0
	for _, c := range []struct{ phrase, label string }{
		{"aaaaaaaaaaaa", "weak"}, {"password", "weak"}, {"Passw0rd!", "fair"}, {"correct horse", "good"}, {"correct horse battery staple", "strong"},
	} {
		bits, label := Strength([]byte(c.phrase))
		if label != c.label || bits < last {
			t.Errorf("%q: %.0f bits, %s; want %s", c.phrase, bits, label, c.label)
		}
		last = bits
	}
}

func TestRecoverySlot(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.passphrase("1", "correct horse")
	s, made := m.makeShown("2", Spec{Kind: SlotRecovery})
	phrase := string(made.Phrase.Reveal())
	if words := strings.Split(phrase, "-"); len(words) < recoveryWords || made.Notice == "" {
		t.Errorf("%d words, notice %q", len(words), made.Notice)
	}
	asCopied := "  " + strings.ToUpper(strings.ReplaceAll(phrase, "-", " ")) + " "
	for _, typed := range []string{phrase, asCopied} {
		m.atTerminal(typed).opens("2", p, s)
		m.atTerminal(typed).opens("2", s)
	}
	m.alone().env["TACIT_PASSPHRASE"] = phrase
	m.opens("2", p, s)
	_, again := m.makeShown("3", Spec{Kind: SlotRecovery})
	if string(again.Phrase.Reveal()) == phrase {
		t.Error("the same phrase twice")
	}
}

func TestEnvSlot(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s, made := m.makeShown("1", Spec{Kind: SlotEnv, Env: "CI_VAULT_KEY"})
	if !s.PostQuantum || !strings.HasPrefix(s.Recipient, "age1pq1") {
		t.Error("not post-quantum")
	}
	m.fails(fault.Locked, "variable CI_VAULT_KEY|not set", s)
	m.env["CI_VAULT_KEY"] = string(made.Phrase.Reveal())
	m.opens("1", s)
	again, made := m.makeShown("2", Spec{Kind: SlotEnv, Env: "CI_VAULT_KEY"})
	if again.Recipient != s.Recipient || made.Phrase.Len() != 0 {
		t.Error("the identity in the variable was not taken")
	}
	m.env["CI_VAULT_KEY"] = "nonsense"
	m.fails(fault.Invalid, "CI_VAULT_KEY, line 1: no age identity", s)
	delete(m.env, "CI_VAULT_KEY")
	_, made = m.makeShown("3", Spec{Kind: SlotEnv, Env: "CI_VAULT_KEY"})
	m.env["CI_VAULT_KEY"] = string(made.Phrase.Reveal())
	m.fails(fault.WrongKey, "CI_VAULT_KEY opens no slot", s)
}

// The order of Open, from the cheapest to what asks.
func TestOpenOrder(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	phrase := m.passphrase("1", "correct horse")
	file := m.make("2", Spec{Kind: SlotKeyFile, Path: m.path("identity.txt")})
	ring := &fakeKeyring{items: map[string]string{}}
	m.Keyring = ring
	keyring := m.make("3", Spec{Kind: SlotKeyring})
	env, made := m.makeShown("4", Spec{Kind: SlotEnv, Env: "KEY"})
	slots := []Slot{phrase, file, keyring, env}

	m.env["KEY"] = string(made.Phrase.Reveal())
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	m.opens("4", slots...)
	delete(m.env, "KEY")
	m.opens("1", slots...)
	if m.atOnce(slots...) {
		t.Error("what is given explicitly was not waited for")
	}
	delete(m.env, "TACIT_PASSPHRASE")
	ring.probes = 0
	m.opens("2", slots...)
	if !m.atOnce(slots...) {
		t.Error("a key file does not open at once")
	}
	if ring.probes > 0 {
		t.Error("the keyring was asked although a key file opens")
	}
	if err := os.Remove(m.path("identity.txt")); err != nil {
		t.Fatal(err)
	}
	m.atTerminal("correct horse").opens("3", slots...)
	ring.err = errors.New("no session bus")
	m.opens("1", slots...)
	m.alone().fails(fault.Locked, "identity.txt does not exist|slot 3 (keyring): no session bus|variable KEY|TACIT_PASSPHRASE", slots...)

	// An explicit identity for none of them is an error, whatever else would open.
	ring.err = nil
	_, made = m.makeShown("5", Spec{Kind: SlotEnv, Env: "OTHER"})
	m.env["TACIT_IDENTITY"] = string(made.Phrase.Reveal())
	m.fails(fault.WrongKey, "TACIT_IDENTITY opens no slot|unset", slots...)
	m.env["TACIT_IDENTITY"] = "AGE-SECRET-KEY-1NONSENSE"
	m.fails(fault.Invalid, "TACIT_IDENTITY, line 1", slots...)
	// But it says nothing about a vault that has passphrases only.
	m.atTerminal("correct horse").opens("1", phrase)
}

type fakeKeyring struct {
	items  map[string]string
	err    error
	probes int
}

func (k *fakeKeyring) Probe(ctx context.Context) error {
	k.probes++
	if d, ok := ctx.Deadline(); !ok || time.Until(d) > probeTime {
		return errors.New("a probe without bounds")
	}
	return k.err
}

func (k *fakeKeyring) Store(_ context.Context, v, s string, key []byte) error {
	k.items[v+"/"+s] = string(key)
	return k.err
}

func (k *fakeKeyring) Load(_ context.Context, v, s string) ([]byte, error) {
	if x, ok := k.items[v+"/"+s]; ok {
		return []byte(x), k.err
	}
	return nil, fault.New(fault.NotFound, "the keyring has no key for this slot")
}

func (k *fakeKeyring) Delete(_ context.Context, v, s string) error {
	delete(k.items, v+"/"+s)
	return k.err
}

func TestKeyringSlot(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	_, _, err := m.Make(t.Context(), "1", "v_test", Spec{Kind: SlotKeyring}, 1, m.root)
	wantError(t, err, fault.Unavailable, "this system has none|passphrase")
	ring := &fakeKeyring{items: map[string]string{}}
	m.Keyring = ring
	s := m.make("1", Spec{Kind: SlotKeyring})
	m.opens("1", s)
	if err := m.Discard(t.Context(), "v_test", s); err != nil || len(ring.items) > 0 {
		t.Error("not discarded:", err, ring.items)
	}
	m.fails(fault.Locked, "slot 1 (keyring): the keyring has no key", s)
	ring.items["v_test/1"] = "x"
	m.fails(fault.Locked, "holds something else", s)
}

// I04: a wrong passphrase, a damaged slot and an edited one are three different errors.
func TestI04WrongDamagedAndTamperedDiffer(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.passphrase("1", "correct horse")
	k, err := NewKeys(m.root, "v_test", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(k, rand.Reader, "v_test", 1); err != nil {
		t.Fatal(err)
	}
	m.env["TACIT_PASSPHRASE"] = "wrong passphrase"
	m.fails(fault.WrongKey, "wrong passphrase", s)

	stored, _ := EncodeSlot(s)
	for i := range stored {
		bad := bytes.Clone(stored)
		bad[i] ^= 1
		if _, err := DecodeSlot(bad); fault.CodeOf(err) != fault.Corrupted {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	cut := s
	cut.Age = s.Age[:len(s.Age)-60] // into the nonce
	m.fails(fault.Corrupted, "slot 1", cut)
	edited := s
	edited.Age = bytes.Clone(s.Age)
	edited.Age[len(edited.Age)-1] ^= 1
	m.fails(fault.Tampered, "slot 1", edited)
	header := s
	header.Age = bytes.Replace(s.Age, []byte("\n--- "), []byte("\n--- A"), 1)
	m.fails(fault.Corrupted, "slot 1", header)
	mac := s
	at := bytes.Index(s.Age, []byte("\n--- ")) + len("\n--- ")
	mac.Age = bytes.Clone(s.Age)
	mac.Age[at] = map[bool]byte{true: 'B', false: 'A'}[mac.Age[at] == 'A']
	m.fails(fault.Tampered, "header was changed", mac)
	m.opens("1", s)
}

// A slot authenticates as it was signed and no other way: above all not with another recipient, which the next root key would
// be encrypted to.
func TestSlotSealCoversEveryField(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.make("1", Spec{Kind: SlotKeyFile, Path: m.path("identity.txt"), Label: "laptop"})
	k, err := NewKeys(m.root, "v_test", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(k, rand.Reader, "v_test", 9); err != nil {
		t.Fatal(err)
	}
	stored, _ := EncodeSlot(s)
	s, err = DecodeSlot(stored)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Authenticate(k, "v_test"); err != nil {
		t.Fatal(err)
	}
	attacker := newMachine(t).make("1", Spec{Kind: SlotKeyFile, Path: filepath.Join(t.TempDir(), "i")})
	edits := map[string]func(*Slot){
		"id":           func(s *Slot) { s.ID = "2" },
		"kind":         func(s *Slot) { s.Kind = SlotEnv },
		"label":        func(s *Slot) { s.Label = "laptop " },
		"post_quantum": func(s *Slot) { s.PostQuantum = false },
		"recipient":    func(s *Slot) { s.Recipient = attacker.Recipient },
		"path":         func(s *Slot) { s.Path += "x" },
		"env":          func(s *Slot) { s.Env = "X" },
		"plugin":       func(s *Slot) { s.Plugin = "/tmp/age-plugin-x" },
		"created_at":   func(s *Slot) { s.CreatedAt = s.CreatedAt.Add(time.Second) },
		"epoch":        func(s *Slot) { s.Epoch++ },
		"age":          func(s *Slot) { s.Age = attacker.Age },
		"seal":         func(s *Slot) { s.Seal = bytes.Clone(s.Seal); s.Seal[20] ^= 1 },
		"no seal":      func(s *Slot) { s.Seal = nil },
	}
	for name, edit := range edits {
		changed := s
		edit(&changed)
		wantError(t, changed.Authenticate(k, "v_test"), fault.Tampered, "slot")
		_ = name
	}
	wantError(t, s.Authenticate(k, "v_other"), fault.Tampered, "slot 1")
	wantError(t, s.Authenticate(testKeys(t, 1), "v_test"), fault.Tampered, "slot 1")

	// Every field there is is in the list above: a new one must be signed too.
	var fields map[string]json.RawMessage
	full := Slot{ID: "1", Label: "l", PostQuantum: true, Recipient: "r", Path: "p", Env: "e", Plugin: "p"}
	if err := json.Unmarshal(encodeSlot(full), &fields); err != nil {
		t.Fatal(err)
	}
	if n := reflect.TypeFor[Slot]().NumField(); len(fields) != n+1 {
		t.Errorf("%d fields are stored as %d members and a sum", n, len(fields))
	}
	delete(fields, "sum")
	for name := range fields {
		if edits[name] == nil {
			t.Errorf("nothing tries to edit %s", name)
		}
	}
}

// I08: what a hostile slot may cost.
func TestI08HostileSlotsAreCheap(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.passphrase("1", "correct horse")
	m.env["TACIT_PASSPHRASE"] = "correct horse"
	begin := time.Now()
	for _, factor := range []string{"23", "30", "64", "99999999999999999999", "-1", "0", "x"} {
		hostile := s
		hostile.Age = bytes.Replace(s.Age, []byte(" 10\n"), []byte(" "+factor+"\n"), 1)
		m.fails(fault.Corrupted, "slot 1", hostile)
	}
	huge := s
	huge.Age = append(bytes.Clone(s.Age), make([]byte, maxAgeSize)...)
	m.fails(fault.Corrupted, "slot 1", huge)
	if _, err := EncodeSlot(huge); fault.CodeOf(err) != fault.Invalid {
		t.Error("encoded:", err)
	}
	if _, err := DecodeSlot(make([]byte, 10<<20)); fault.CodeOf(err) != fault.Corrupted {
		t.Error("decoded:", err)
	}
	many := s
	many.Age = bytes.Replace(s.Age, []byte("-> scrypt"), append(bytes.Repeat([]byte("-> x y\n\n"), 1000), "-> scrypt"...), 1)
	m.fails(fault.Corrupted, "slot 1", many)
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestNewerSlotKindIsNotCorruption(t *testing.T) {
	t.Parallel()
	s := newMachine(t).passphrase("1", "correct horse")
	s.Kind = "tpm"
	_, err := DecodeSlot(encodeSlot(s))
	wantError(t, err, fault.NewerFormat, "tpm|newer tacit")
}

func FuzzSlot(f *testing.F) {
	m := newMachine(f)
	for _, s := range []Slot{m.passphrase("1", "correct horse"), m.make("2", Spec{Kind: SlotKeyFile, Path: m.path("i")})} {
		b, err := EncodeSlot(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(bytes.Replace(b, []byte(`"id"`), []byte(`"ID"`), 1))
		f.Add(append(bytes.Clone(b), ' '))
	}
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"id":"1","id":"2"}`))
	m.env["TACIT_PASSPHRASE"] = "no passphrase of theirs"
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := DecodeSlot(in)
		if err != nil {
			// What a checksum protects is tried without it, or nothing would ever get past.
			if s, err = readSlot(in); err != nil || s.check() != nil || bytes.Contains(s.Age, []byte("scrypt")) {
				return
			}
		} else {
			again, err := EncodeSlot(s)
			if err != nil || !bytes.Equal(again, in) {
				t.Errorf("%q is encoded as %q, %v", in, again, err)
			}
			var theirs struct {
				Slot
				CreatedAt time.Time `json:"created_at"`
				Quantum   bool      `json:"post_quantum"`
			}
			if err := json.Unmarshal(in, &theirs); err != nil || theirs.ID != s.ID || theirs.Label != s.Label || theirs.Path != s.Path ||
				!theirs.CreatedAt.Equal(s.CreatedAt) || theirs.Quantum != s.PostQuantum || !bytes.Equal(theirs.Age, s.Age) {
				t.Errorf("encoding/json reads %q as %+v, %v", in, theirs, err)
			}
		}
		s.Path, s.Plugin = "", ""
		if root, _, err := m.Open(t.Context(), []Slot{s}); root != nil || err == nil {
			t.Error("opened a slot of nobody's")
		}
		_ = s.AgeCommand("backup.age")
	})
}
