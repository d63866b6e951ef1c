package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"go.yaml.in/yaml/v4"

	"tacit/internal/secret"
)

const canary = "canary-5cJ2"

type exported struct{ Value secret.Value }

type unexported struct {
	name  string
	value secret.Value
	list  []secret.Value
}

// TestI01ValueCannotBePrinted tries every printer and encoder that a value could meet, also from inside other types.
func TestI01ValueCannotBePrinted(t *testing.T) {
	t.Parallel()
	v := secret.New([]byte(canary))
	hidden := unexported{"x", v, []secret.Value{v}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%T"} {
		for _, x := range []any{v, &v, exported{v}, &exported{v}, hidden, &hidden, map[string]secret.Value{"k": v}, []any{v}} {
			fmt.Fprintf(&out, verb+"\n", x)
		}
	}
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("x", "value", v, "in", exported{v}, "hidden", hidden)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", v, "in", exported{v}, "hidden", fmt.Sprint(hidden))
	for name, encode := range map[string]func(any) ([]byte, error){"json": json.Marshal, "cbor": cbor.Marshal, "yaml": func(x any) ([]byte, error) { return yaml.Marshal(x) }} {
		for _, x := range []any{v, exported{v}, map[string]any{"k": v}} {
			b, err := encode(x)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			out.Write(b)
		}
	}
	_ = gob.NewEncoder(&out).Encode(exported{v})
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprint([]byte(canary)), "Y2FuYXJ5"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the value was printed as %q", form)
		}
	}
	if string(v.Reveal()) != canary || v.Len() != len(canary) {
		t.Error("the value itself is gone")
	}
	v.Wipe()
	if strings.Contains(string(v.Reveal()), "canary") {
		t.Error("not wiped")
	}
	if (secret.Value{}).Len() != 0 {
		t.Error("the zero value is not empty")
	}
}
