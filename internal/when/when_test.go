package when

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tacit/internal/fault"
)

const day = 24 * time.Hour

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"1s": time.Second, "30m": 30 * time.Minute, "24h": day, "30d": 30 * day, "12w": 84 * day, "7y": 7 * 365 * day, "007d": 7 * day,
		"100y": 100 * 365 * day, "36500d": 36500 * day, "3153600000s": 100 * 365 * day,
	} {
		if got, err := Duration(in); err != nil || got != want {
			t.Errorf("Duration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "d", "30", "0d", "-1d", "+1d", "1.5h", "1h30m", " 1d", "1d ", "1 d", "1D", "30M", "1ms", "1mo", "101y", "36501d", "3153600001s",
		"4294967296s", "99999999999999999999d", "٣d", "1_0d", "0x1d", "forever", "2026-12-31",
	} {
		if got, err := Duration(in); !errors.Is(err, fault.Usage) {
			t.Errorf("Duration(%q) = %v, %v; want an error of class usage", in, got, err)
		}
	}
}

func TestTime(t *testing.T) {
	now := time.Date(2026, 2, 27, 23, 30, 0, 0, time.FixedZone("", 3600))
	for in, want := range map[string]string{
		"1h":                             "2026-02-27T23:30:00Z",
		"2d":                             "2026-03-01T22:30:00Z",
		"2026-12-31":                     "2026-12-31T23:59:59Z",
		"2028-02-29":                     "2028-02-29T23:59:59Z",
		"2020-01-01":                     "2020-01-01T23:59:59Z", // the past is the caller's to judge
		"9999-12-31":                     "9999-12-31T23:59:59Z",
		"2026-12-31T10:00:00Z":           "2026-12-31T10:00:00Z",
		"2026-12-31T10:00:00+02:00":      "2026-12-31T08:00:00Z",
		"2026-12-31T10:00:00.123456789Z": "2026-12-31T10:00:00.123456789Z",
	} {
		got, err := Time(in, now)
		if err != nil || got.Format(time.RFC3339Nano) != want || got.Location() != time.UTC {
			t.Errorf("Time(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "2026-02-29", "2026-13-01", "2026-1-1", "31.12.2026", "2026-12-31 ", "2026-12-31T10:00", "T", "tomorrow", "12", "0d", "-1d", "0000-12-31",
		"0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00",
	} {
		if got, err := Time(in, now); !errors.Is(err, fault.Usage) {
			t.Errorf("Time(%q) = %v, %v; want an error of class usage", in, got, err)
		}
	}
}

func TestFormat(t *testing.T) {
	for want, in := range map[string]time.Duration{
		"30d": 30 * day, "1d": day, "36h": 36 * time.Hour, "90m": 90 * time.Minute, "61s": 61 * time.Second, "36500d": 100 * 365 * day,
	} {
		if got := Format(in); got != want {
			t.Errorf("Format(%v) = %q, want %q", in, got, want)
		}
	}
}

// TestFormatParse: what Format writes, Duration reads back.
func TestFormatParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, day}).Draw(t, "unit")
		d := unit * time.Duration(rapid.Int64Range(1, int64(maxDuration/unit)).Draw(t, "n"))
		if got, err := Duration(Format(d)); err != nil || got != d {
			t.Fatalf("%v is written as %q, which reads as %v, %v", d, Format(d), got, err)
		}
	})
}

// FuzzTime: whatever is accepted can be stored, and the error for the rest is one short line.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"30m", "12w", "2026-12-31", "2026-12-31T10:00:00+02:00", "9999-12-31T23:59:59-23:59", "0d", "4294967295s", "7y", strings.Repeat("9", 60)} {
		f.Add(s)
	}
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Time(s, now)
		if err != nil {
			if fault.CodeOf(err) != fault.Usage || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
				t.Fatalf("Time(%q): %q", s, err)
			}
			return
		}
		if _, err := json.Marshal(got); err != nil || got.Location() != time.UTC {
			t.Fatalf("Time(%q) = %v, which cannot be stored: %v", s, got, err)
		}
		if d, err := Duration(s); err == nil {
			if d <= 0 || d > maxDuration || !got.Equal(now.Add(d)) {
				t.Fatalf("Duration(%q) = %v, Time = %v", s, d, got)
			}
			if again, err := Duration(Format(d)); err != nil || again != d {
				t.Fatalf("%q = %v is written as %q, which reads as %v, %v", s, d, Format(d), again, err)
			}
		}
	})
}
