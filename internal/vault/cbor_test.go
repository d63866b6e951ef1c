package vault

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tacit/internal/name"
)

var ours = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Secret{}, "wrapped", "reader"), cmp.AllowUnexported(sum{})}

// TestCBORIsWhatTheLibraryWrites: metadata and anchors of every shape are read as the library reads them, also into a Secret that
// was used before.
func TestCBORIsWhatTheLibraryWrites(t *testing.T) {
	t.Parallel()
	used := &Secret{Name: "left", Tags: []string{"over"}, Note: "from before", Sealed: true}
	rapid.Check(t, func(t *rapid.T) {
		text, texts := rapid.String(), rapid.SliceOfN(rapid.String(), 0, 4)
		millis := rapid.Custom(func(t *rapid.T) Millis { return Millis(rapid.Int64().Draw(t, "ms")) })
		s := &Secret{
			Name: text.Draw(t, "name"), Scope: name.Scope(text.Draw(t, "scope")), Sealed: rapid.Bool().Draw(t, "sealed"), Pin: text.Draw(t, "pin"),
			Tags: texts.Draw(t, "tags"), Aliases: texts.Draw(t, "aliases"), Groups: texts.Draw(t, "groups"), OwnedBy: text.Draw(t, "owner"),
			Note: text.Draw(t, "note"), CreatedAt: millis.Draw(t, "created"), UpdatedAt: millis.Draw(t, "updated"),
			RotateEvery: rapid.Int64().Draw(t, "rotate"), Versions: rapid.IntRange(0, 1<<40).Draw(t, "versions"), Version: rapid.IntRange(1, 1<<40).Draw(t, "version"),
			Via: ViaSet, Principal: text.Draw(t, "principal"), MadeAt: millis.Draw(t, "made"), ExpiresAt: millis.Draw(t, "expires"),
			ValidTo: millis.Draw(t, "valid"), From: rapid.IntRange(0, 99).Draw(t, "from"), Purged: rapid.Bool().Draw(t, "purged"),
		}
		b, err := encode(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeSecret(b, used, words{"global": "global"}); err != nil {
			t.Fatalf("%v: %x", err, b)
		}
		if d := cmp.Diff(s, used, ours); d != "" {
			t.Fatal(d)
		}
		a := &Anchor{
			Revision: rapid.Uint64().Draw(t, "revision"), AuditSeq: rapid.Uint64().Draw(t, "seq"), Audit: rapid.SliceOf(rapid.Byte()).Draw(t, "audit"),
			Sums: newSums(), Identity: make([]byte, 32), Header: make([]byte, 32),
			Scopes: rapid.MapOf(text, rapid.Uint64()).Draw(t, "scopes"), Epoch: rapid.Uint32().Draw(t, "epoch"), Leaving: rapid.Uint32().Draw(t, "leaving"),
			BackupAt: millis.Draw(t, "backup"), NextSlot: rapid.IntRange(0, 1<<30).Draw(t, "slot"),
		}
		a.Sums[1].Count = rapid.Uint64().Draw(t, "count")
		if b, err = encode(a); err != nil {
			t.Fatal(err)
		}
		got, err := decodeAnchor(b)
		if err != nil {
			t.Fatalf("%v: %x", err, b)
		}
		if d := cmp.Diff(a, got, ours); d != "" {
			t.Fatal(d)
		}
	})
}

// FuzzMetadata: whatever is read here, the library reads as the same, and writes back as the same bytes.
func FuzzMetadata(f *testing.F) {
	full, err := encode(&Secret{
		Name: "a", Scope: "global", Sealed: true, Pin: "p", Tags: []string{"t"}, Aliases: []string{"b"}, Groups: []string{"W/G"}, OwnedBy: "o", Note: "n",
		CreatedAt: -1, UpdatedAt: 1 << 40, RotateEvery: 3, Versions: 1, Version: 300, Via: ViaSet, Principal: "user/ana", ExpiresAt: 1, ValidTo: 2, From: 1, Purged: true,
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add([]byte{0xa1, 0x01, 0x61, 0xff})                                     // not UTF-8
	f.Add([]byte{0xa2, 0x01, 0x61, 'a', 0x01, 0x61, 'b'})                     // twice
	f.Add([]byte{0xbf, 0x01, 0x61, 'a', 0xff})                                // no length
	f.Add([]byte{0xa1, 0x05, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0}) // an array without end
	f.Add([]byte{0xa1, 0x18, 0x01, 0x61, 'a'})                                // a longer form than needed
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := decodeAnchor(b); err == nil {
			theirs := new(Anchor)
			if err := decode(b, theirs); err != nil || cmp.Diff(theirs, a, ours) != "" {
				t.Errorf("%x: the library reads %+v, %v", b, theirs, err)
			}
		}
		s := new(Secret)
		if err := decodeSecret(b, s, nil); err != nil {
			return
		}
		theirs := new(Secret)
		if err := decode(b, theirs); err != nil {
			t.Fatalf("%x: the library refuses it: %v", b, err)
		}
		if d := cmp.Diff(theirs, s, ours); d != "" {
			t.Error(d)
		}
	})
}

func BenchmarkDecodeSecret(b *testing.B) {
	p, err := encode(&Secret{
		Name: "team-001/service-0001/key-0000001", Scope: "global", Tags: []string{"prod"}, CreatedAt: 1 << 40, UpdatedAt: 1 << 40, Versions: 1, Version: 1,
		Via: ViaImport, Principal: "user/ana", MadeAt: 1 << 40,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("here", func(b *testing.B) {
		b.ReportAllocs()
		s, seen := new(Secret), make(words)
		for b.Loop() {
			if err := decodeSecret(p, s, seen); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := decode(p, new(Secret)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestCBORBounds(t *testing.T) {
	t.Parallel()
	for n := range 200 {
		b := bytes.Repeat([]byte{0x9b, 0xff}, n)
		if decodeSecret(b, new(Secret), nil) == nil {
			t.Errorf("%x was read", b)
		}
		if _, err := decodeAnchor(b); err == nil {
			t.Errorf("%x was read", b)
		}
	}
}
