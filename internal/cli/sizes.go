package cli

import (
	"strconv"
	"strings"

	"tacit/internal/fault"
)

// units of sizes, the largest first.
var units = [...]struct {
	name  string
	bytes int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}}

// parseSize reads a number of bytes, such as 512KB or 10MB, of 1024 each; nil for none.
func parseSize(flag, s string) (*int64, error) {
	if s == "" {
		return nil, nil
	}
	number, factor := strings.ToUpper(s), int64(1)
	for _, u := range units {
		if n, found := strings.CutSuffix(number, u.name); found {
			number, factor = n, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return nil, fault.New(fault.Usage, "%s: not a size: %.40q", flag, s).WithFix("write 512KB or 10MB")
	}
	n *= factor
	return &n, nil
}

// sizeText prints a number of bytes as parseSize reads it.
func sizeText(n int64) string {
	for _, u := range units {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// parseRate reads how often, such as 60/min; nil for none.
func parseRate(s string) (*int, error) {
	if s == "" {
		return nil, nil
	}
	number, _ := strings.CutSuffix(s, "/min")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return nil, fault.New(fault.Usage, "--rate: not a rate: %.40q", s).WithFix("write 60/min")
	}
	return &n, nil
}
