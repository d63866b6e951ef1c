// Package when parses the durations and dates of the command line: 30m, 24h, 30d, 12w, or 2026-12-31 (the end of that day, UTC).
package when

import (
	"strconv"
	"strings"
	"time"

	"tacit/internal/fault"
)

// unitOf returns what a unit's letter stands for.
func unitOf(letter byte) (time.Duration, bool) {
	switch letter {
	case 's':
		return time.Second, true
	case 'm':
		return time.Minute, true
	case 'h':
		return time.Hour, true
	case 'd':
		return 24 * time.Hour, true
	case 'w':
		return 7 * 24 * time.Hour, true
	case 'y':
		return 365 * 24 * time.Hour, true
	}
	return 0, false
}

// maxDuration bounds what is accepted: a hundred years.
const maxDuration = 100 * 365 * 24 * time.Hour

func bad(s, fix string) error {
	if len(s) > 40 {
		s = s[:37] + "..."
	}
	return fault.New(fault.Usage, "invalid duration %q", s).WithFix("%s", fix)
}

func badDuration(s string) error { return bad(s, "write 1s or more, such as 30s, 30m, 24h, 30d, 12w") }

func badTime(s string) error { return bad(s, "write 30m, 24h, 30d, 12w, or a date such as 2026-12-31") }

// Duration parses a positive whole number and a unit: s, m, h, d, w or y (365 days).
func Duration(s string) (time.Duration, error) {
	if len(s) < 2 {
		return 0, badDuration(s)
	}
	unit, ok := unitOf(s[len(s)-1])
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if !ok || err != nil || n == 0 || s[0] == '+' || n > uint64(maxDuration/unit) {
		return 0, badDuration(s)
	}
	return time.Duration(n) * unit, nil
}

// Time parses a duration from now, a date, which means the end of that day in UTC, or an RFC 3339 time.
// The year is 1 to 9999 in UTC, so that every time can be written as RFC 3339 again.
func Time(s string, now time.Time) (time.Time, error) {
	t, err := parseTime(s, now)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, badTime(s)
	}
	return t, nil
}

func parseTime(s string, now time.Time) (time.Time, error) {
	if strings.Contains(s, "T") {
		t, err := time.Parse(time.RFC3339, s)
		return t.UTC(), err
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	d, err := Duration(s)
	return now.UTC().Add(d), err
}

// Format writes a duration in the largest unit of d, h, m, s that divides it.
func Format(d time.Duration) string {
	for _, u := range []byte{'d', 'h', 'm'} {
		if unit, _ := unitOf(u); d%unit == 0 && d > 0 {
			return strconv.FormatInt(int64(d/unit), 10) + string(u)
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}
