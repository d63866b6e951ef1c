package backup

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tacit/internal/fault"
	"tacit/internal/transfer/jsonstream"
)

func readServices(doc []byte) (Services, error) {
	b, err := NewReader(bytes.NewReader(doc))
	for err == nil {
		_, err = b.Next()
	}
	if errors.Is(err, io.EOF) {
		return b.Services(), nil
	}
	return Services{}, err
}

func withServices(s Services) ([]byte, error) {
	var out bytes.Buffer
	w, err := NewWriter(&out, header)
	if err == nil {
		err = w.Secret(sample(0, "x"))
	}
	if err == nil {
		w.Services(s)
		err = w.Close()
	}
	return out.Bytes(), err
}

func TestServices(t *testing.T) {
	one, two := []byte(`{"service":"acme","hosts":["api.acme.example"]}`), []byte(`{"a":{"b":[1,2,"é"]}}`)
	for name, want := range map[string]Services{
		"none": {}, "services": {Services: [][]byte{one, two}}, "limits": {Limits: [][]byte{two}},
		"all": {Services: [][]byte{one}, Credentials: [][]byte{two, two}, Bindings: [][]byte{one}, Limits: [][]byte{two}},
	} {
		doc, err := withServices(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readServices(doc); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(want, got))
		}
		for cut := range len(doc) - 1 {
			if _, err := readServices(doc[:cut]); !errors.Is(err, fault.Corrupted) {
				t.Fatalf("%s, cut at %d: %v", name, cut, err)
			}
		}
	}
	doc, err := withServices(Services{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readServices([]byte(strings.Replace(string(doc), `"limits":[],`, ``, 1))); err != nil {
		t.Errorf("of a tacit without limits: %v", err)
	}
	if _, err := withServices(Services{Limits: [][]byte{bytes.Repeat([]byte(" "), jsonstream.MaxToken)}}); err == nil {
		t.Error("what cannot be read was written")
	}
}
