package transfer

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"

	"tacit/internal/dotenv"
	"tacit/internal/fault"
	"tacit/internal/keeper"
)

// maxEnvInMemory bounds an env file that cannot be read twice.
const maxEnvInMemory = 64 << 20

// envReader reads NAME=value lines; package dotenv describes the dialect. The first pass finds mistakes and the names that are
// set more than once, the second yields each name's last line.
type envReader struct {
	collector
	file  io.ReadSeeker
	start int64           // where in file the text begins
	scan  *dotenv.Scanner // of the second pass; nil before it
	last  map[string]int  // line that counts, of the names that are set more than once
}

func newEnvReader(r io.Reader, c collector) (*envReader, error) {
	file, ok := r.(io.ReadSeeker)
	if !ok {
		text, err := io.ReadAll(io.LimitReader(r, maxEnvInMemory+1))
		if err != nil {
			return nil, err
		}
		if len(text) > maxEnvInMemory {
			return nil, fault.New(fault.Invalid, "the env file is longer than %d MiB", maxEnvInMemory>>20).
				WithFix("give it by name, not through a pipe, or use --format json")
		}
		file = bytes.NewReader(text)
	}
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	return &envReader{collector: c, file: file, start: start}, nil
}

// Format implements [Reader].
func (*envReader) Format() string { return "env" }

// Next implements [Reader].
func (r *envReader) Next() (keeper.ImportEntry, error) {
	if r.scan == nil {
		if err := r.firstPass(); err != nil {
			return keeper.ImportEntry{}, err
		}
	}
	for {
		if err := r.scan.Next(); err != nil {
			return keeper.ImportEntry{}, err
		}
		key := r.scan.Name()
		if line, ok := r.last[r.strip(key)]; ok && line != r.scan.At {
			continue
		}
		value, err := r.scan.CopyValue()
		if err != nil {
			return keeper.ImportEntry{}, err
		}
		if len(value) == 0 { // usual in files that are templates
			r.warn(r.scan.At, "empty_value", "%s has no value and is left out", clip(key))
			continue
		}
		return r.entry(key, r.scan.At, value)
	}
}

// firstPass reads the whole file and leaves r at its beginning again.
func (r *envReader) firstPass() error {
	first := map[uint64]int{} // line of each name, by the hash of seen
	r.last = map[string]int{}
	s := dotenv.New(r.file)
	for {
		err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		key := r.strip(s.Name())
		h := maphash.String(r.seen.seed, key)
		before, again := first[h]
		if first[h] = s.At; again {
			r.last[key] = s.At
			r.warn(s.At, "duplicate_name", "%s is set on line %d and again on line %d, which counts", clip(key), before, s.At)
		}
		if len(first) > maxEntries {
			return invalid(s.At, "there are more than %d entries", maxEntries)
		}
	}
	for _, d := range s.Strayed {
		r.warn(d, "unused_directive", "a comment that begins with tacit: belongs to no entry, or is not one that tacit knows")
	}
	r.scan = dotenv.New(r.file)
	_, err := r.file.Seek(r.start, io.SeekStart)
	return err
}
