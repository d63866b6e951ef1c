package handoff

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

func val(name, value string) Variable {
	return Variable{Name: name, Value: secret.New([]byte(value)), Of: "secret." + name}
}

// I12: what opens the vault never reaches a child.
func TestI12StripLeavesNoKeyBehind(t *testing.T) {
	t.Parallel()
	env := []string{
		"PATH=/bin", "TACIT_PASSPHRASE=p", "TACIT_PASSPHRASE_FILE=/f", "TACIT_PASSPHRASE_NEW=x", "TACIT_IDENTITY=i", "TACIT_IDENTITY_FILE=/i",
		"TACIT_TOKEN=t", "TACIT_DIR=/d", "MY_SLOT=k", "MY_SLOT_2=stays", "EMPTY=", "TACIT_TOKENS=stays", "broken",
	}
	want := []string{"PATH=/bin", "TACIT_DIR=/d", "MY_SLOT_2=stays", "EMPTY=", "TACIT_TOKENS=stays"}
	if d := cmp.Diff(want, Strip(env, "MY_SLOT")); d != "" {
		t.Error(d)
	}
	if len(env) != 13 || env[1] != "TACIT_PASSPHRASE=p" {
		t.Error("the caller's environment was changed")
	}
}

func TestPristineKeepsWhatProgramsNeed(t *testing.T) {
	t.Parallel()
	env := []string{"PATH=/bin", "HOME=/h", "LC_ALL=C", "AWS_SECRET_ACCESS_KEY=x", "TERM=xterm", "LD_PRELOAD=/evil.so", "TACIT_DIR=/d", "NO_COLOR=1"}
	want := []string{"PATH=/bin", "HOME=/h", "LC_ALL=C", "TERM=xterm", "NO_COLOR=1"}
	if d := cmp.Diff(want, Pristine(env)); d != "" {
		t.Error(d)
	}
}

func TestAddReplacesAndTheLastCounts(t *testing.T) {
	t.Parallel()
	got, err := Add([]string{"A=old", "B=b", "A=older"}, []Variable{val("A", "1"), val("C", "3"), val("A", "2")})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"B=b", "C=3", "A=2"}, got); d != "" {
		t.Error(d)
	}
}

// I21: nothing in a value means anything.
func TestI21ValuesAreLiteral(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"$(id)", "${secret:other}", "a=b=c", "line\nTACIT_TOKEN=x", " lead", "'\"`", "tacit://other", "\xff\xfe"} {
		got, err := Add(nil, []Variable{val("V", value)})
		if err != nil || !slices.Equal(got, []string{"V=" + value}) {
			t.Errorf("%q became %q, %v", value, got, err)
		}
	}
}

func TestAddRefusesNUL(t *testing.T) {
	t.Parallel()
	_, err := Add(nil, []Variable{val("A", "ok"), val("B", "hidden\x00tail")})
	if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "secret.B") || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %v", err)
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{"A": true, "_": true, "a1_B": true, "": false, "1A": false, "A.B": false, "A=B": false, "A\x00": false, "Ä": false, "-x": false} {
		if err := CheckName(name); (err == nil) != ok || err != nil && !errors.Is(err, fault.Usage) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
