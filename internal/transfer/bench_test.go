package transfer

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

const benchEntries = 20_000

// BenchmarkRead reads entries with values of 300 bytes.
func BenchmarkRead(b *testing.B) {
	value := strings.Repeat("abcdefghi,", 30)
	for _, c := range []struct{ name, format, head, line, tail string }{
		{"json/flat", "json", "{", "\"team/app-%d/key\":\"" + value + "\",\n", `"end":"x"}`},
		{"json/object", "json", "{", "\"team/app-%d/key\":{\"value\":\"" + value + "\",\"tags\":[\"prod\"]},\n", `"end":"x"}`},
		{"yaml/flat", "yaml", "", "team/app-%d/key: \"" + value + "\"\n", ""},
		{"yaml/object", "yaml", "", "team/app-%d/key:\n  value: \"" + value + "\"\n  tags: [prod]\n", ""},
		{"env/plain", "env", "", "APP_%d_KEY=" + value + "\n", ""},
		{"env/quoted", "env", "", "export APP_%d_KEY='" + value + "'\n", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			var text strings.Builder
			text.WriteString(c.head)
			for i := range benchEntries {
				fmt.Fprintf(&text, c.line, i)
			}
			text.WriteString(c.tail)
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				in, err := NewReader(c.format, strings.NewReader(text.String()), Options{})
				if err != nil {
					b.Fatal(err)
				}
				for {
					if _, err := in.Next(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(benchEntries*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkWrite writes values of 300 bytes.
func BenchmarkWrite(b *testing.B) {
	value := []byte(strings.Repeat("abcdefghi,", 30))
	for _, format := range []string{"json", "yaml", "csv", "env"} {
		b.Run(format, func(b *testing.B) {
			w, err := NewWriter(format, io.Discard, WriteOptions{Values: true, Now: now})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if err := w.Write(exported(fmt.Sprintf("team/app-%d/key", i), "global", value)); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}
