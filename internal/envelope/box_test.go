package envelope

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func testKeys(t testing.TB, epoch uint32) *Keys {
	t.Helper()
	root, err := NewRoot(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewKeys(root, "v_test", epoch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Wipe(); k.Wipe() })
	return k
}

func TestBoxRoundTrip(t *testing.T) {
	k := testKeys(t, 7)
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "plaintext")
		before := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "dst")
		revision := rapid.Uint64().Draw(t, "revision")
		b := Bind("v_test", "secret", []byte("k"), "x")
		out, err := k.Seal(slices.Clone(before), rand.Reader, revision, b, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(out, before) {
			t.Fatal("what was in dst is gone")
		}
		box := out[len(before):]
		if want := Overhead + padmé(lengthSize+len(plaintext)); len(box) != want {
			t.Fatalf("%d bytes instead of %d", len(box), want)
		}
		h, got, err := k.Open(b, box)
		if err != nil || h != (Header{7, revision}) || !bytes.Equal(got, plaintext) {
			t.Fatalf("opened %v %x, %v", h, got, err)
		}
	})
}

// Padmé's promises: never shorter, at most 12 % longer, and lengths of e bits end in e - bits(e) zeros.
func TestPaddingProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1<<24).Draw(t, "n")
		p := padmé(n)
		if p < n || float64(p) > float64(n)*1.12+1 {
			t.Fatalf("%d is padded to %d", n, p)
		}
		if padmé(p) != p {
			t.Fatalf("%d is padded to %d, which is padded to %d", n, p, padmé(p))
		}
		if q := padmé(n + 1); q < p {
			t.Fatalf("not monotone at %d", n)
		}
	})
	for n, want := range map[int]int{0: 0, 1: 1, 2: 2, 9: 10, 33: 36, 304: 304, 305: 320, 65540: 67584} {
		if got := padmé(n); got != want {
			t.Errorf("padmé(%d) = %d, want %d", n, got, want)
		}
	}
}

// I02: a box opens with exactly what it was bound to, and where nothing of it was changed.
func TestI02BindingsAndBits(t *testing.T) {
	k, other := testKeys(t, 1), testKeys(t, 1)
	d, _ := NewDataKey(rand.Reader)
	base := Bind("v_test", "value", []byte("key"), "id", "3", "global", "sealed", "builtin/openai")
	box, err := k.Seal(nil, rand.Reader, 5, base, []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	valueBox, err := d.Seal(nil, rand.Reader, Header{1, 5}, base, []byte("value"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]Binding{
		"vault":           Bind("v_tesu", "value", []byte("key"), "id", "3", "global", "sealed", "builtin/openai"),
		"kind":            Bind("v_test", "valuf", []byte("key"), "id", "3", "global", "sealed", "builtin/openai"),
		"key":             Bind("v_test", "value", []byte("kez"), "id", "3", "global", "sealed", "builtin/openai"),
		"id":              Bind("v_test", "value", []byte("key"), "ie", "3", "global", "sealed", "builtin/openai"),
		"version":         Bind("v_test", "value", []byte("key"), "id", "4", "global", "sealed", "builtin/openai"),
		"scope":           Bind("v_test", "value", []byte("key"), "id", "3", "globam", "sealed", "builtin/openai"),
		"exposure":        Bind("v_test", "value", []byte("key"), "id", "3", "global", "readable", "builtin/openai"),
		"pin":             Bind("v_test", "value", []byte("key"), "id", "3", "global", "sealed", "own/evil"),
		"field less":      Bind("v_test", "value", []byte("key"), "id", "3", "global", "sealed"),
		"field more":      Bind("v_test", "value", []byte("key"), "id", "3", "global", "sealed", "builtin/openai", ""),
		"border moved":    Bind("v_test", "value", []byte("key"), "i", "d3", "global", "sealed", "builtin/openai"),
		"border moved up": Bind("v_testv", "alue", []byte("key"), "id", "3", "global", "sealed", "builtin/openai"),
	} {
		if _, _, err := k.Open(b, box); !errors.Is(err, ErrOpen) {
			t.Errorf("%s changed: %v", name, err)
		}
		if _, err := d.Open(b, valueBox); !errors.Is(err, ErrOpen) {
			t.Errorf("%s changed, data key: %v", name, err)
		}
	}
	if _, _, err := other.Open(base, box); !errors.Is(err, ErrOpen) {
		t.Error("another key:", err)
	}
	for i := range box {
		for bit := range 8 {
			bad := slices.Clone(box)
			bad[i] ^= 1 << bit
			if _, _, err := k.Open(base, bad); err == nil {
				t.Fatalf("byte %d, bit %d flipped, and it opens", i, bit)
			}
		}
		if _, _, err := k.Open(base, box[:i]); err == nil {
			t.Fatalf("cut at %d, and it opens", i)
		}
	}
}

func TestKeyringTakesTheEpochOfTheBox(t *testing.T) {
	past, now := testKeys(t, 1), testKeys(t, 2)
	b := Bind("v", "meta", []byte("k"))
	was, _ := past.Seal(nil, rand.Reader, 1, b, []byte("old"))
	is, _ := now.Seal(nil, rand.Reader, 2, b, []byte("new"))
	r := NewKeyring(now, past)
	for box, want := range map[string]string{string(was): "old", string(is): "new"} {
		if _, got, err := r.Open(b, []byte(box)); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, _, err := NewKeyring(now, nil).Open(b, was); !errors.Is(err, ErrOpen) {
		t.Error("a box of an epoch that is gone:", err)
	}
}

func TestMACIsHMAC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), KeySize, KeySize).Draw(t, "key")
		m := rapid.SliceOfN(rapid.Byte(), 0, 3*macScratch).Draw(t, "message")
		h := hmac.New(sha256.New, key)
		h.Write(m)
		if got := hmacSHA256(key, m); !bytes.Equal(got[:], h.Sum(nil)) {
			t.Fatal("differs from crypto/hmac")
		}
	})
}

func TestIndexAndMarkDependOnEverything(t *testing.T) {
	k, other := testKeys(t, 1), testKeys(t, 1)
	seen := map[[32]byte]string{}
	for name, sum := range map[string][32]byte{
		"index": k.Index("global", "a/b"), "name": k.Index("global", "a/c"), "scope": k.Index("workspace/w", "a/b"),
		"border": k.Index("globala", "/b"), "key": other.Index("global", "a/b"),
		"mark": k.Mark([]byte("k"), 1), "revision": k.Mark([]byte("k"), 2), "record": k.Mark([]byte("l"), 1), "marks key": other.Mark([]byte("k"), 1),
	} {
		if was, ok := seen[sum]; ok {
			t.Errorf("%s equals %s", name, was)
		}
		seen[sum] = name
	}
	if k.Index("global", "a/b") != k.Index("global", "a/b") {
		t.Error("not repeatable")
	}
}

func TestWipedKeysOpenNothing(t *testing.T) {
	root, _ := NewRoot(rand.Reader)
	k, err := NewKeys(root, "v", 1)
	if err != nil {
		t.Fatal(err)
	}
	b := Bind("v", "meta", nil)
	box, _ := k.Seal(nil, rand.Reader, 1, b, []byte("p"))
	audit := k.Audit()
	root.Wipe()
	root.Wipe()
	k.Wipe()
	if _, _, err := k.Open(b, box); !errors.Is(err, errWiped) {
		t.Error("open:", err)
	}
	if _, err := k.Seal(nil, rand.Reader, 1, b, nil); !errors.Is(err, errWiped) {
		t.Error("seal:", err)
	}
	if _, err := audit.Open(nil, make([]byte, 24), make([]byte, 16), nil); !errors.Is(err, errWiped) {
		t.Error("audit:", err)
	}
	if _, err := NewKeys(root, "v", 1); !errors.Is(err, errWiped) {
		t.Error("derive:", err)
	}
}

func FuzzBox(f *testing.F) {
	k := testKeys(f, 1)
	b := Bind("v", "meta", []byte("k"))
	box, _ := k.Seal(nil, rand.Reader, 1, b, []byte("plaintext"))
	f.Add(box)
	f.Add([]byte{})
	f.Add([]byte{Format, 0, 0, 0, 1})
	f.Add(append([]byte{2}, box[1:]...))
	f.Fuzz(func(t *testing.T, in []byte) {
		if _, _, err := k.Open(b, in); err == nil && !bytes.Equal(in, box) {
			t.Error("opened something that was not sealed")
		}
		p, err := unpad(in)
		if err == nil && len(p)+lengthSize > len(in) {
			t.Error("unpadded more than there is")
		}
		if h, err := ParseHeader(in); err == nil && !bytes.Equal(h.Append(nil), in[:HeaderSize]) {
			t.Error("the header does not survive")
		}
	})
}

func BenchmarkSeal300(b *testing.B) {
	k := testKeys(b, 1)
	bind, p := Bind("v_1234567890", "meta", []byte("m/0123456789abcdef")), make([]byte, 300)
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = k.Seal(buf[:0], rand.Reader, 1, bind, p)
	}
}

func BenchmarkOpen300(b *testing.B) {
	k := testKeys(b, 1)
	bind := Bind("v_1234567890", "meta", []byte("m/0123456789abcdef"))
	box, _ := k.Seal(nil, rand.Reader, 1, bind, make([]byte, 300))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.Open(bind, box); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIndex(b *testing.B) {
	k := testKeys(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		k.Index("global", "a-name/of-the-usual/length")
	}
}

func BenchmarkNewKeys(b *testing.B) {
	root, _ := NewRoot(rand.Reader)
	for b.Loop() {
		k, err := NewKeys(root, "v", 1)
		if err != nil {
			b.Fatal(err)
		}
		k.Wipe()
	}
}

func ExampleKeys() {
	root, _ := NewRoot(rand.Reader)
	k, _ := NewKeys(root, "v_1", 1)
	fmt.Printf("%v %+v %x %#v", root, k, k.Audit(), NewKeyring(k, nil))
	// Output: *** *** *** ***
}
