package transfer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"tacit/client"
	"tacit/internal/fault"
	"tacit/internal/keeper"
	"tacit/internal/secret"
)

// vaultSample is a small vault with one of everything.
func vaultSample() []keeper.Exported {
	text := func(s string) *string { return &s }
	expires := now.Add(24 * time.Hour)
	full := exported("db.password", "global", []byte("it's <b> & \"x\"\n"))
	full.Secret.Tags, full.Secret.Aliases, full.Secret.Groups = []string{"prod", "db"}, []string{"db/pw"}, []string{"W/G"}
	full.Secret.Owner, full.Secret.Note, full.Secret.RotateEvery, full.Secret.ExpiresAt = text("ana"), text("=1+1, \"two\"\nlines"), text("30d"), &expires
	sealed := exported("openai", "global", nil)
	sealed.Secret.Exposure, sealed.Secret.Pin = "sealed", text("builtin/openai")
	return []keeper.Exported{
		exported("API_KEY", "global", []byte("plain")), full, exported("no", "global", []byte("null")),
		exported("shared", "global", []byte("1")), exported("shared", "workspace/W", []byte("\xff\x00")), sealed,
	}
}

// TestGolden compares each form with the file under testdata/export that shows it. TACIT_GOLDEN=1 writes them anew.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		file string
		o    WriteOptions
	}{
		{"values.json", WriteOptions{Values: true}},
		{"values.yaml", WriteOptions{Values: true}},
		{"values.csv", WriteOptions{Values: true}},
		{"values.env", WriteOptions{Values: true}},
		{"exported.env", WriteOptions{Values: true, Export: true}},
		{"metadata.json", WriteOptions{}},
		{"metadata.yaml", WriteOptions{}},
		{"metadata.csv", WriteOptions{}},
	} {
		t.Run(c.file, func(t *testing.T) {
			list := vaultSample()
			format := strings.TrimPrefix(filepath.Ext(c.file), ".")
			if format == "env" { // has one place for both scopes of "shared"
				list[4].Secret.Name = "shared/w"
			}
			got, err := write(format, c.o, list...)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "export", c.file)
			if os.Getenv("TACIT_GOLDEN") != "" {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || got != string(want) {
				t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
			}
		})
	}
}

// TestMetadata: both metadata documents say what the JSON shape of a secret says, and nothing of a value.
func TestMetadata(t *testing.T) {
	type document struct {
		Format     int             `json:"format"`
		ExportedAt time.Time       `json:"exported_at"`
		Secrets    []client.Secret `json:"secrets"`
		Total      int             `json:"total"`
	}
	for _, list := range [][]keeper.Exported{nil, vaultSample()} {
		text, err := write("json", WriteOptions{}, list...)
		if err != nil {
			t.Fatal(err)
		}
		var doc document
		if err := json.Unmarshal([]byte(text), &doc); err != nil || doc.Format != 1 || doc.Total != len(list) || len(doc.Secrets) != len(list) || !doc.ExportedAt.Equal(now) {
			t.Fatalf("%v: %s", err, text)
		}
		if strings.Contains(text, "plain") || strings.Contains(text, `"tags":null`) {
			t.Errorf("a value, or a list that is null: %s", text)
		}
		ytext, err := write("yaml", WriteOptions{}, list...)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if err := yaml.Unmarshal([]byte(ytext), &a); err != nil {
			t.Fatalf("%v in\n%s", err, ytext)
		}
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatal(err)
		}
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if string(x) != string(y) {
			t.Errorf("YAML says\n%s\nJSON says\n%s", x, y)
		}
	}
}

// TestI11SealedValuesAreNotExported: should a sealed value ever reach a writer, it gets no further.
func TestI11SealedValuesAreNotExported(t *testing.T) {
	x := exported("openai", "global", []byte(canary))
	x.Secret.Exposure = "sealed"
	for _, format := range []string{"json", "yaml", "csv", "env"} {
		text, err := write(format, WriteOptions{Values: true}, x)
		if !errors.Is(err, fault.Sealed) || strings.Contains(text, canary) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, %q", format, err, text)
		}
		x := x
		x.Value = secret.Value{}
		if text, err := write(format, WriteOptions{Values: true}, x); err != nil || strings.Contains(text, "openai") {
			t.Errorf("%s without the value: %v, %q", format, err, text)
		}
	}
	if text, err := write("json", WriteOptions{}, x); err != nil || strings.Contains(text, canary) {
		t.Errorf("metadata: %v, %q", err, text)
	}
}

func TestWriterMistakes(t *testing.T) {
	for _, c := range []struct {
		format string
		o      WriteOptions
		class  fault.Code
	}{{"env", WriteOptions{}, fault.Usage}, {"toml", WriteOptions{}, fault.Usage}, {"age", WriteOptions{}, fault.Usage}} {
		if _, err := write(c.format, c.o); !errors.Is(err, c.class) {
			t.Errorf("%s: %v", c.format, err)
		}
	}
	for _, format := range []string{"json", "yaml"} {
		if _, err := write(format, WriteOptions{Values: true}, exported("a", "global", []byte("x")), exported("b", "global", []byte("x")), exported("a", "user", []byte("x"))); !errors.Is(err, fault.Conflict) {
			t.Errorf("%s, scopes apart: %v", format, err)
		}
		if _, err := write(format, WriteOptions{Values: true}, exported("a", "global", nil)); !errors.Is(err, fault.Failed) {
			t.Errorf("%s, no value: %v", format, err)
		}
		if text, err := write(format, WriteOptions{Values: true}); err != nil || strings.TrimSpace(text) != "{}" {
			t.Errorf("%s, empty: %q, %v", format, text, err)
		}
	}
}

type fullDisk struct{ left int }

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

var errFull = errors.New("no space left on device")

// TestFullDisk: a write that fails is reported at the latest by Close, in every form.
func TestFullDisk(t *testing.T) {
	for _, format := range []string{"json", "yaml", "csv", "env"} {
		for _, values := range []bool{true, false} {
			for _, space := range []int{0, 10, 100 << 10} {
				if format == "env" && !values {
					continue
				}
				w, err := NewWriter(format, &fullDisk{left: space}, WriteOptions{Values: values, Now: now})
				for i := 0; i < 2000 && err == nil; i++ {
					x := exported("k"+strings.Repeat("x", i%200)+"-"+string(rune('a'+i/200)), "global", []byte(strings.Repeat("v", 100)))
					err = w.Write(x)
				}
				if err == nil {
					err = w.Close()
				}
				if !errors.Is(err, errFull) {
					t.Errorf("%s, values %v, %d bytes of space: %v", format, values, space, err)
				}
			}
		}
	}
}
