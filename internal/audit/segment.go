package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// maxHeader bounds a header's line, in bytes.
const maxHeader = 512

// firstWindow is how much of a segment's end is read at first: two records of the usual size, in bytes.
const firstWindow = 2 << 10

// maxTail bounds how far from the end of a segment its last record is looked for, in bytes. A torn end can be longer than a
// line only where a disk lost many unsynced records at once.
const maxTail = 4 << 20

// nearEnd is how far from the end of a segment an append looks for what a power loss took, in bytes. What was not synced then is
// one outcome and what came right behind it; a change of many objects writes more at once, and its intent is looked at again. An
// agent leaves more that is not synced: so a segment that nobody has written to since the machine started is looked at as a whole.
const nearEnd = 16 << 10

// startWindow is how long after the start of the machine its clock may still be set right.
const startWindow = 5 * time.Minute

// segment is one file of the log, open.
type segment struct {
	number int
	path   string
	next   string // path of the segment behind it, once that was looked for
	f      *os.File
	is     os.FileInfo // of f, once that was asked
	size   int64       // when it was opened
	before bool        // nobody has written to it since the machine started
	header header
	bound  [HashSize]byte // hash of the header's line: prev of the first record
	body   int64          // offset of the first record; 0: the segment has no whole header yet

	scratch [maxHeader + firstWindow]byte // for the header and the end: one allocation for both
}

// segments returns the numbers of the segments, ascending; there may be gaps. A missing directory is an empty log.
func (l *Log) segments() ([]int, error) {
	names, err := listNames(l.opts.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, paths.Explain(err, l.opts.Dir, "list the audit log %s", l.opts.Dir)
	}
	var numbers []int
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, ".log")
		if n, err := strconv.Atoi(digits); ok && err == nil && n > 0 && digits == segmentDigits(n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// segmentDigits writes a number with at least six digits.
func segmentDigits(number int) string {
	s := strconv.Itoa(number)
	return "000000"[min(6, len(s)):] + s
}

func (l *Log) segmentPath(number int) string {
	return filepath.Join(l.opts.Dir, segmentDigits(number)+".log")
}

// openSegment opens a segment, checks its modes (I07) and reads its header. A segment that was just begun by a writer that
// died has body 0.
func (l *Log) openSegment(number int, flag int) (*segment, error) {
	path := l.segmentPath(number)
	f, err := paths.Open(path, flag)
	if err != nil {
		return nil, err
	}
	s := &segment{number: number, path: path, f: f}
	if err := s.readHeader(l.opts.Booted()); err != nil {
		s.close()
		return nil, err
	}
	if s.body > 0 && l.opts.VaultID != "" && s.header.Vault != l.opts.VaultID {
		s.close()
		return nil, l.foreign(path)
	}
	return s, nil
}

func (s *segment) readHeader(booted time.Time) error {
	info, err := s.f.Stat()
	if err != nil {
		return paths.Explain(err, s.path, "look at %s", s.path)
	}
	s.size = info.Size()
	s.before = info.ModTime().Before(booted.Add(startWindow))
	b := s.scratch[:maxHeader]
	n, err := s.f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return paths.Explain(err, s.path, "read %s", s.path)
	}
	b = b[:n]
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		if n < maxHeader && torn(b) || n > 0 && bytes.Count(b, []byte{0}) == n {
			return nil
		}
		return damaged(s.path, "the first line of %s was changed", s.path)
	}
	if bytes.IndexByte(b[:end], 0) >= 0 {
		return nil // a power loss took it
	}
	h, newer, ok := parseHeader(b[:end])
	if newer {
		return fault.New(fault.NewerFormat, "%s was written by a newer tacit", s.path).About(s.path).WithFix("install the newer tacit")
	}
	if !ok {
		return damaged(s.path, "the first line of %s was changed", s.path)
	}
	s.header, s.bound, s.body = h, sha256.Sum256(b[:end]), int64(end)+1
	return nil
}

// tail is the end of a segment.
type tail struct {
	line []byte // the last whole line of a record, without its newline; nil: there is none
	end  int64  // offset behind it; what follows is torn
}

// tail reads backwards from the end as far as it must, so its cost does not depend on the size of the segment. Among the last
// so many bytes it looks for what a power loss took.
func (s *segment) tail(look int64) (tail, error) {
	if s.body == 0 {
		return tail{}, nil
	}
	size, err := s.lost(look)
	if err != nil {
		return tail{}, err
	}
	for window := int64(4 << 10); ; window *= 4 {
		start := max(s.body, size-window)
		b := make([]byte, max(0, size-start))
		if _, err := s.f.ReadAt(b, start); err != nil {
			return tail{}, paths.Explain(err, s.path, "read %s", s.path)
		}
		end := bytes.LastIndexByte(b, '\n') + 1
		begin := bytes.LastIndexByte(b[:max(0, end-1)], '\n') + 1
		if begin == 0 && start > s.body {
			if window >= maxTail {
				return tail{}, damaged(s.path, "%s has no record near its end", s.path)
			}
			continue
		}
		if rest := b[end:]; len(rest) > 0 && !torn(rest) {
			return tail{}, damaged(s.path, "the last line of %s was changed", s.path)
		}
		if end == 0 {
			return tail{end: start}, nil
		}
		return tail{b[begin : end-1], start + int64(end)}, nil
	}
}

// lost returns where the part of the segment begins that a power loss took: sectors that were written but not synced may be zeros
// while later ones are there, so it is the first line with a NUL byte, which no line that was written has. It returns the size
// when there is none among the last so many bytes.
//
// Whoever writes a NUL byte there on purpose has cut the log, which the vault's anchor tells.
func (s *segment) lost(look int64) (int64, error) {
	if s.before {
		return s.lostAnywhere()
	}
	for ; ; look *= 4 {
		start := max(s.body, s.size-look)
		b := make([]byte, s.size-start)
		if _, err := s.f.ReadAt(b, start); err != nil {
			return 0, paths.Explain(err, s.path, "read %s", s.path)
		}
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return s.size, nil
		}
		begin := bytes.LastIndexByte(b[:i], '\n') + 1
		if begin > 0 || start == s.body {
			return start + int64(begin), nil
		}
		if look >= maxTail {
			return 0, damaged(s.path, "%s has no record near its end", s.path)
		}
	}
}

// lostAnywhere is lost for the whole segment.
func (s *segment) lostAnywhere() (int64, error) {
	buf, begin := make([]byte, min(block, s.size-s.body)), s.body
	for at := s.body; at < s.size; at += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), s.size-at)]
		if _, err := s.f.ReadAt(b, at); err != nil {
			return 0, paths.Explain(err, s.path, "read %s", s.path)
		}
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			end = len(b)
		}
		if i := bytes.LastIndexByte(b[:end], '\n'); i >= 0 {
			begin = at + int64(i) + 1
		}
		if end < len(b) {
			return begin, nil
		}
	}
	return s.size, nil
}

func (s *segment) close() { _ = s.f.Close() }

// lockForReading keeps appenders out, so that no line is seen that its writer may cut off again. A log that is only there to be
// read — another user's directory, a read-only disk — is read without.
func (l *Log) lockForReading(ctx context.Context) (unlock func(), err error) {
	unlock, err = paths.LockExisting(ctx, l.lockPath())
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fault.Permissions) {
		return func() {}, nil
	}
	return unlock, err
}

// damaged is the answer to a log that is not as it was written.
func damaged(path, format string, args ...any) error {
	return fault.New(fault.Tampered, "audit log: "+format, args...).About(path).
		WithFix("tacit audit verify names the first bad record; put the log back from a copy, or begin a new one: tacit import --replace BACKUP")
}

// foreign is the answer to a log of another vault.
func (l *Log) foreign(path string) error {
	return fault.New(fault.Foreign, "this is not the vault you used here before: it does not open its last audit record (%s)", path).About(path).
		WithFix("put the right vault back; if the vault is meant to be new here, move %s away", paths.Quote(l.opts.Dir))
}
