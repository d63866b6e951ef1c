//go:build linux

package oskeyring

import (
	"crypto/rand"
	"errors"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"tacit/internal/envelope/oskeyring/keyringtest"
	"tacit/internal/fault"
)

// silentBus is a socket that accepts and never answers.
func silentBus(t *testing.T) (address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	return "unix:path=" + path
}

// fakeService is a Secret Service with one locked item, whose prompt ends as dismissed says: what a desktop does when its user
// types the password, or closes the window.
type fakeService struct {
	conn      *dbus.Conn
	dismissed bool
	unlocked  bool
	key       []byte
}

const fakePrompt = root + "/prompt/1"

func (f *fakeService) OpenSession(alg string, input dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	theirs, ok := input.Value().([]byte)
	if alg != algorithm || !ok {
		return dbus.Variant{}, none, dbus.NewError("org.freedesktop.DBus.Error.NotSupported", nil)
	}
	p, _ := new(big.Int).SetString(dhPrime, 16)
	scalar := make([]byte, dhSize)
	rand.Read(scalar)
	private := new(big.Int).SetBytes(scalar)
	f.key, _ = sessionKey(p, private, theirs)
	return dbus.MakeVariant(new(big.Int).Exp(big.NewInt(2), private, p).Bytes()), root + "/session/1", nil
}

func (f *fakeService) SearchItems(map[string]string) (open, locked []dbus.ObjectPath, _ *dbus.Error) {
	return nil, []dbus.ObjectPath{root + "/item/1"}, nil
}

func (f *fakeService) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	return nil, fakePrompt, nil
}

func (f *fakeService) Prompt(string) *dbus.Error {
	f.unlocked = !f.dismissed
	_ = f.conn.Emit(fakePrompt, iPrompt+".Completed", f.dismissed, dbus.MakeVariant([]dbus.ObjectPath{root + "/item/1"}))
	return nil
}

func (f *fakeService) GetSecret(dbus.ObjectPath) (secret, *dbus.Error) {
	if !f.unlocked {
		return secret{}, dbus.NewError("org.freedesktop.Secret.Error.IsLocked", nil)
	}
	s, _ := (&connection{key: f.key, path: root + "/session/1"}).seal([]byte("the key"))
	return s, nil
}

func TestPromptIsAnsweredOnADesktop(t *testing.T) {
	t.Parallel()
	for _, dismissed := range []bool{false, true} {
		l := keyringtest.New(t, t.TempDir())
		l.Env["DISPLAY"] = ":0"
		f := &fakeService{conn: l.Connect(), dismissed: dismissed}
		for path, iface := range map[dbus.ObjectPath]string{
			root: strings.TrimSuffix(iService, "."), root + "/item/1": strings.TrimSuffix(iItem, "."), fakePrompt: iPrompt,
		} {
			if err := f.conn.Export(f, path, iface); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.conn.RequestName(service, dbus.NameFlagDoNotQueue); err != nil {
			t.Fatal(err)
		}
		got, err := New(l.Getenv).Load(t.Context(), "v", "1")
		switch {
		case dismissed && (!errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "cancelled")):
			t.Error("dismissed:", err)
		case !dismissed && (err != nil || string(got) != "the key"):
			t.Errorf("answered: %q, %v", got, err)
		}
	}
}

func TestSessionKeyRefusesDegenerateNumbers(t *testing.T) {
	p, _ := new(big.Int).SetString(dhPrime, 16)
	minusOne := new(big.Int).Sub(p, big.NewInt(1)).Bytes()
	for _, theirs := range [][]byte{nil, {0}, {1}, minusOne, p.Bytes(), append([]byte{1}, p.Bytes()...)} {
		if _, err := sessionKey(p, big.NewInt(5), theirs); err == nil {
			t.Errorf("accepted %x", theirs)
		}
	}
}
