package audit

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tacit/internal/fault"
)

// victim is a log of three and a half segments whose files are attacked.
type victim struct {
	*Log
	anchor Head
	files  [][]byte   // content of the segments
	lines  [][][]byte // lines of the segments, newlines included; the header first
	first  []uint64   // seq of each segment's first record
}

func newVictim(t testing.TB) *victim {
	t.Helper()
	opts := testOptions(t)
	v := &victim{}
	v.Log, v.anchor = fill(t, opts, 24)
	numbers, err := v.segments()
	if err != nil || len(numbers) < 3 {
		t.Fatalf("%v, %v", numbers, err)
	}
	seq := uint64(1)
	for _, n := range numbers {
		b := mustRead(t, v.segmentPath(n))
		lines := bytes.SplitAfter(b, []byte("\n"))
		v.files, v.lines, v.first = append(v.files, b), append(v.lines, lines[:len(lines)-1]), append(v.first, seq)
		seq += uint64(len(lines) - 2)
	}
	return v
}

// set replaces the segments; a nil one is removed.
func (v *victim) set(t testing.TB, files ...[]byte) {
	t.Helper()
	for i := range max(len(files), len(v.files)+1) {
		path := v.segmentPath(i + 1)
		var err error
		if i < len(files) && files[i] != nil {
			err = os.WriteFile(path, files[i], 0o600)
		} else if err = os.Remove(path); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// with returns the segments with one of them replaced by these lines.
func (v *victim) with(segment int, lines ...[]byte) [][]byte {
	files := slices.Clone(v.files)
	files[segment] = bytes.Join(lines, nil)
	return files
}

func (v *victim) verify(t testing.TB, keys bool, anchor *Head) Report {
	t.Helper()
	opts := v.opts
	if !keys {
		opts.Keys = nil
	}
	var known []Head
	if anchor != nil {
		known = append(known, *anchor)
	}
	r, err := Open(opts).Verify(t.Context(), known, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rehash recomputes all seqs and hashes from a segment on: what someone without the key can do.
func (v *victim) rehash(t testing.TB, segments [][][]byte) [][]byte {
	t.Helper()
	var after Head
	var files [][]byte
	for _, lines := range segments {
		h, _, ok := parseHeader(bytes.TrimSuffix(lines[0], []byte("\n")))
		if !ok {
			t.Fatalf("%s", lines[0])
		}
		h.First, h.Prev = after.Seq+1, after.Hash
		out := h.append(nil)
		after.Hash = headerHash(out)
		for _, raw := range lines[1:] {
			ln, ok := newParser().record(bytes.TrimSuffix(raw, []byte("\n")))
			if !ok {
				t.Fatalf("%s", raw)
			}
			ln.Seq, ln.prev = after.Seq+1, after.Hash
			ln.Hash = ln.sum()
			after = ln.Head
			out = ln.append(out)
		}
		files = append(files, out)
	}
	return files
}

// TestI17 attacks a log in each way, and wants the first bad record named: its seq, what is wrong and the file.
func TestI17(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	l1, l2 := v.lines[0], v.lines[1]
	second := v.first[1] // seq of the first record of the second segment
	n := len(v.files)
	insert := func(lines [][]byte, at int, line []byte) [][]byte {
		return slices.Insert(slices.Clone(lines), at, line)
	}
	remove := func(lines [][]byte, from, to int) [][]byte { return slices.Delete(slices.Clone(lines), from, to) }
	swap := func(lines [][]byte, a, b int) [][]byte {
		out := slices.Clone(lines)
		out[a], out[b] = out[b], out[a]
		return out
	}
	parsed := func(raw []byte) line {
		ln, ok := newParser().record(bytes.TrimSuffix(raw, []byte("\n")))
		if !ok {
			t.Fatalf("%s", raw)
		}
		return ln
	}
	// forged is a record that someone without the key makes, in its place and with a right hash.
	forged := func(like []byte) []byte {
		ln := parsed(like)
		ln.hashed = slices.Clone(ln.hashed)
		ln.ciphertext()[40] ^= 1
		ln.Hash = ln.sum()
		return ln.append(nil)
	}
	header := func(raw []byte, change func(*header)) []byte {
		h, _, ok := parseHeader(bytes.TrimSuffix(raw, []byte("\n")))
		if !ok {
			t.Fatalf("%s", raw)
		}
		change(&h)
		return h.append(nil)
	}
	all := func(change func([][][]byte) [][][]byte) [][]byte { return v.rehash(t, change(slices.Clone(v.lines))) }

	tests := []struct {
		name    string
		files   [][]byte
		kind    Kind
		seq     uint64
		segment int  // counting from 1
		keyless Kind // what can be seen without the key and the anchor: the same if empty, "-" nothing
		anchor  Kind // what can be seen without the key, with the anchor; keyless if empty
	}{
		{"a ciphertext replaced", v.with(1, swap(insert(l2, 3, bytes.Replace(l2[2], []byte(`xt":"`), []byte(`xt":"AAAA`), 1)), 2, 3)[:len(l2)]...), Edited, second + 1, 2, "", ""},
		{"a line of rubbish", v.with(1, insert(l2, 2, []byte("rubbish\n"))...), Edited, second + 1, 2, "", ""},
		{"an empty line", v.with(1, insert(l2, 2, []byte("\n"))...), Edited, second + 1, 2, "", ""},
		{"a line too long", v.with(1, insert(l2, 2, append(bytes.Repeat([]byte("x"), 3*maxLine), '\n'))...), Edited, second + 1, 2, "", ""},
		{"forged in place, the rest as it was", v.with(0, append(slices.Clone(l1[:3]), append([][]byte{forged(l1[3])}, l1[4:]...)...)...), Edited, 3, 1, "", ""},
		{"forged in place at the end of a segment", v.with(0, append(slices.Clone(l1[:len(l1)-1]), forged(l1[len(l1)-1]))...), Edited, second - 1, 1, "", ""},
		{"forged, and everything behind computed anew", all(func(s [][][]byte) [][][]byte {
			s[0] = append(slices.Clone(l1[:3]), append([][]byte{forged(l1[3])}, l1[4:]...)...)
			return s
		}), Edited, 3, 1, "-", Truncated},

		{"one removed", v.with(1, remove(l2, 3, 4)...), Missing, second + 2, 2, "", ""},
		{"the first removed", v.with(0, remove(l1, 1, 2)...), Missing, 1, 1, "", ""},
		{"the last of a segment removed", v.with(0, l1[:len(l1)-1]...), Missing, second - 1, 2, "", ""},
		{"all of a segment removed", v.with(1, l2[0]), Missing, second, 2, "", ""},
		{"a segment emptied", v.with(1), Missing, second, 2, "", ""},
		{"a segment removed", append([][]byte{v.files[0], nil}, v.files[2:]...), Missing, second, 2, "", ""},
		{"the first segment removed", append([][]byte{nil}, v.files[1:]...), Missing, 1, 1, "", ""},
		{"a segment removed and the others renamed", append([][]byte{v.files[0]}, v.files[2:]...), Missing, second, 2, "", ""},
		{"one removed, and everything behind computed anew", all(func(s [][][]byte) [][][]byte {
			s[1] = remove(l2, 2, 3)
			return s
		}), Edited, second + 1, 2, "-", Truncated},

		{"one doubled in place", v.with(1, insert(l2, 3, l2[2])...), Inserted, second + 1, 2, "", ""},
		{"an old one put in again later", v.with(1, insert(l2, 3, l1[2])...), Inserted, 2, 2, "", ""},
		{"the last doubled", v.with(n-1, insert(v.lines[n-1], len(v.lines[n-1]), v.lines[n-1][len(v.lines[n-1])-1])...), Inserted, 24, n, "", ""},
		{"a forged one put before the right one", v.with(1, insert(l2, 3, forged(l2[3]))...), Inserted, second + 2, 2, "", ""},
		{"a segment doubled", append(slices.Clone(v.files), v.files[1]), Inserted, second, n + 1, "", ""},
		{"a header put in as a segment", append([][]byte{v.files[0], l2[0]}, v.files[1:]...), Missing, second, 2, "", ""},

		{"two exchanged", v.with(1, swap(l2, 2, 3)...), Reordered, second + 1, 2, "", ""},
		{"the first two of a segment exchanged", v.with(1, swap(l2, 1, 2)...), Reordered, second, 2, "", ""},
		{"one moved behind", v.with(1, insert(remove(l2, 1, 2), 4, l2[1])...), Reordered, second, 2, "", ""},
		{"two segments exchanged", append([][]byte{v.files[0], v.files[2], v.files[1]}, v.files[3:]...), Reordered, second, 2, "", ""},
		{"a segment renamed to the end", append(append([][]byte{v.files[0], nil}, v.files[2:]...), v.files[1]), Reordered, second, 2, "", ""},

		{"header: another epoch", v.with(1, append([][]byte{header(l2[0], func(h *headerT) { h.Epoch = 7 })}, l2[1:]...)...), Edited, second, 2, "", ""},
		{"header: another vault", v.with(1, append([][]byte{header(l2[0], func(h *headerT) { h.Vault = "x" })}, l2[1:]...)...), Edited, second, 2, "", ""},
		{"header: another first seq", v.with(1, append([][]byte{header(l2[0], func(h *headerT) { h.First++ })}, l2[1:]...)...), Edited, second, 2, "", ""},
		{"header: another prev", v.with(1, append([][]byte{header(l2[0], func(h *headerT) { h.Prev[3] ^= 1 })}, l2[1:]...)...), Edited, second, 2, "", ""},
		{"header removed", v.with(1, l2[1:]...), Edited, second, 2, "", ""},
		{"header doubled", v.with(1, insert(l2, 0, l2[0])...), Edited, second, 2, "", ""},
		{"header of a later format", v.with(1, append([][]byte{bytes.Replace(l2[0], []byte(`"format":1`), []byte(`"format":3`), 1)}, l2[1:]...)...), Edited, second, 2, "", ""},

		{"the last record cut off", v.with(n-1, v.lines[n-1][:len(v.lines[n-1])-1]...), Truncated, 24, n, "-", Truncated},
		{"the last newline cut off", append(slices.Clone(v.files[:n-1]), bytes.TrimSuffix(v.files[n-1], []byte("\n"))), Truncated, 24, n, "-", Truncated},
		{"the last segment removed", v.files[:n-1], Truncated, v.first[n-1], n - 1, "-", Truncated},
		{"everything removed", nil, Truncated, 1, 1, "-", Truncated},
	}
	for _, tt := range tests {
		v.set(t, tt.files...)
		want := Bad{tt.seq, tt.kind, v.segmentPath(tt.segment)}
		if tt.keyless == "" {
			tt.keyless = tt.kind
		}
		if tt.anchor == "" {
			tt.anchor = tt.keyless
		}
		if r := v.verify(t, true, &v.anchor); r.Bad == nil || *r.Bad != want {
			t.Errorf("%s: with keys: %+v, want %+v", tt.name, r.Bad, want)
		}
		for anchor, kind := range map[*Head]Kind{nil: tt.keyless, &v.anchor: tt.anchor} {
			r := v.verify(t, false, anchor)
			if kind == "-" && r.Bad != nil || kind != "-" && (r.Bad == nil || r.Bad.Kind != kind) {
				t.Errorf("%s: without keys, anchor %v: %+v, want %s", tt.name, anchor != nil, r.Bad, kind)
			}
		}
	}
	v.set(t, v.files...)
	if r := v.verify(t, true, &v.anchor); r.Bad != nil || r.Records != 24 || r.Head != v.anchor {
		t.Errorf("untouched: %+v", r)
	}
	other := v.anchor
	other.Hash[0] ^= 1
	if r := v.verify(t, true, &other); r.Bad == nil || *r.Bad != (Bad{24, Truncated, v.segmentPath(n)}) {
		t.Errorf("another hash at the anchor: %+v", r.Bad)
	}
}

type headerT = header

// TestI17BitFlips flips single bits all over the log. Each is found, and the record it is in is named; and what reads the log
// either notices or has not come there.
func TestI17BitFlips(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	flips := 2500
	if os.Getenv("TACIT_LONG") != "" {
		flips = 1 << 30 // all of them
	}
	total := 0
	for _, f := range v.files {
		total += 8 * len(f)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for segment, content := range v.files {
		path := v.segmentPath(segment + 1)
		for bit := range 8 * len(content) {
			edge := bit/8 >= len(content)-3 // the end of each file, always
			if !edge && random.IntN(total) >= flips {
				continue
			}
			at := bit / 8
			b := slices.Clone(content)
			b[at] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			line := bytes.Count(content[:at], []byte("\n")) // 0: the header
			want := Bad{v.first[segment] + uint64(max(line-1, 0)), Edited, path}
			for _, keys := range []bool{true, false} {
				if r := v.verify(t, keys, nil); r.Bad == nil || *r.Bad != want {
					t.Errorf("byte %d of %s, bit %d, keys %v: %+v, want %+v", at, filepath.Base(path), bit%8, keys, r.Bad, want)
				}
			}
			if bit%16 == 0 {
				v.noticed(t, want.Seq)
			}
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// noticed scans in both directions: only authentic records are seen, and the bad one ends it.
func (v *victim) noticed(t *testing.T, bad uint64) {
	t.Helper()
	for name, scan := range map[string]func(func(Record) error) error{
		"scan":    func(fn func(Record) error) error { return v.Scan(t.Context(), 0, fn) },
		"reverse": func(fn func(Record) error) error { return v.Reverse(t.Context(), fn) },
	} {
		err := scan(func(r Record) error {
			if r.Seq == bad && name == "scan" {
				t.Errorf("%s: bad record %d was shown", name, bad)
			}
			want := *read(int(r.Seq))
			if !r.Time.Equal(want.Time) || r.Object != want.Object {
				return fmt.Errorf("wrong record %+v", r)
			}
			return nil
		})
		if c := fault.CodeOf(err); c != fault.Tampered && c != fault.Foreign && c != fault.NewerFormat && c != fault.WrongKey {
			t.Errorf("%s over the bad record %d: %v", name, bad, err)
		}
	}
}

// TestI17RolledBack puts an older vault beside its log.
func TestI17RolledBack(t *testing.T) {
	t.Parallel()
	intent := func(revision uint64) *Record {
		return &Record{Time: aTime, Stage: Intent, Revision: revision, Action: "write", Result: Allowed}
	}
	outcome := func(of, revision uint64, r Result) *Record {
		return &Record{Time: aTime, Stage: Outcome, Of: of, Revision: revision, Action: "write", Result: r}
	}
	alone := func(revision uint64) *Record {
		return &Record{Time: aTime, Revision: revision, Action: "read", Result: Allowed}
	}
	tests := []struct {
		name     string
		records  []*Record
		revision uint64
		bad      uint64 // 0: none
	}{
		{"in step", []*Record{intent(1), outcome(1, 1, Allowed), alone(1), intent(2), outcome(4, 2, Allowed)}, 2, 0},
		{"the outcome was lost", []*Record{intent(1), outcome(1, 1, Allowed), intent(2)}, 2, 0},
		{"being committed", []*Record{intent(1), outcome(1, 1, Allowed), intent(2)}, 1, 0},
		{"aborted", []*Record{intent(1), outcome(1, 1, Allowed), intent(2), outcome(3, 1, Failed), alone(1)}, 1, 0},
		{"aborted and done again", []*Record{intent(1), outcome(1, 0, Failed), intent(1), outcome(3, 1, Allowed)}, 1, 0},
		{"several intents of one change, being committed", []*Record{intent(1), intent(2), intent(2), intent(2)}, 1, 0},
		{"older by one", []*Record{intent(1), outcome(1, 1, Allowed), intent(2), outcome(3, 2, Allowed)}, 1, 3},
		{"older by one, of several intents", []*Record{intent(1), intent(2), intent(2), outcome(3, 2, Allowed)}, 1, 2},
		{"older by one, outcome lost, a read after it", []*Record{intent(1), intent(2), alone(2)}, 1, 2},
		{"older by two, outcomes lost", []*Record{intent(1), intent(2), intent(3)}, 1, 2},
		{"older by many", []*Record{intent(1), outcome(1, 1, Allowed), alone(9)}, 1, 3},
		{"an empty vault", []*Record{intent(1), outcome(1, 1, Allowed)}, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := Open(testOptions(t))
			add(t, l, tt.records...)
			r, err := l.Verify(t.Context(), nil, func() (uint64, error) { return tt.revision, nil })
			if err != nil {
				t.Fatal(err)
			}
			if tt.bad == 0 && r.Bad != nil || tt.bad != 0 && (r.Bad == nil || *r.Bad != Bad{tt.bad, RolledBack, l.segmentPath(1)}) {
				t.Errorf("%+v, want %d", r.Bad, tt.bad)
			}
		})
	}
}
