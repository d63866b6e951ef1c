package mask

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// tenSecrets are as various as people's are: none is anybody's.
func tenSecrets(r *rand.Rand) [][]byte {
	from := func(n int, alphabet string) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return b
	}
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	der := from(1200, string(allBytes()))
	var pem bytes.Buffer
	pem.WriteString("-----BEGIN TEST KEY-----\n")
	for line := range bytes.Lines(bytes.TrimSpace(wrap(base64.StdEncoding.AppendEncode(nil, der), 64))) {
		pem.Write(line)
	}
	pem.WriteString("\n-----END TEST KEY-----\n")
	return [][]byte{
		append([]byte("key-test-"), from(40, letters)...),
		append([]byte("tok_"), from(36, letters)...),
		base64.StdEncoding.AppendEncode(nil, from(32, string(allBytes()))),
		from(64, "0123456789abcdef"),
		[]byte("3f8a1c52-7d0e-4b6f-9a53-c1e2d4b5a697"),
		[]byte("postgres://app:p%40ss/w0rd@db.internal:5432/app?sslmode=require"),
		[]byte(`C0rrect "horse" & <battery>\staple/ümläut`),
		from(16, letters+"!#$%&()*+,-./:;<=>?@[]^_{|}~"),
		append([]byte("hunter2-"), from(8, letters)...),
		pem.Bytes(),
	}
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func wrap(b []byte, width int) []byte {
	var out []byte
	for len(b) > width {
		out = append(append(out, b[:width]...), '\n')
		b = b[width:]
	}
	return append(append(out, b...), '\n')
}

// texts are a mebibyte each: what passes through a broker or a terminal, and what is made to be slow.
func texts(r *rand.Rand, secrets [][]byte) []struct {
	name string
	text []byte
} {
	const size = 1 << 20
	fill := func(piece func() []byte) []byte {
		b := make([]byte, 0, size+4096)
		for len(b) < size {
			b = append(b, piece()...)
		}
		return b[:size]
	}
	random := fill(func() []byte { return []byte{byte(r.Uint32())} })
	words := bytes.Fields([]byte(`the of and to a in that is was he for it with as his on be at by had not are but from or have an
		they which one you were all her she there would their we him been has when who will no more if out so up said what its`))
	var forms [][]byte
	for _, s := range secrets {
		for _, f := range Forms(s, 8) {
			if len(f) < 300 {
				forms = append(forms, f)
			}
		}
	}
	form := func() []byte { return forms[r.IntN(len(forms))] }
	return []struct {
		name string
		text []byte
	}{
		{"words", fill(func() []byte { return append(bytes.Clone(words[r.IntN(len(words))]), ' ') })},
		{"json", fill(func() []byte {
			return fmt.Appendf(nil, `{"id":%d,"object":"chat.completion.chunk","created":%d,"choices":[{"index":0,"delta":{"content":"%s %s"},"finish_reason":null}]}`+"\n",
				r.Uint32(), r.Uint32(), words[r.IntN(len(words))], words[r.IntN(len(words))])
		})},
		{"log", fill(func() []byte {
			return fmt.Appendf(nil, "2026-01-02T03:04:05.%06dZ \x1b[32mINFO\x1b[0m request path=/v1/%s/%d status=200 trace=%016x\n",
				r.IntN(1e6), words[r.IntN(len(words))], r.IntN(1e4), r.Uint64())
		})},
		{"base64", base64.StdEncoding.AppendEncode(nil, random)[:size]},
		{"hex", fmt.Appendf(nil, "%x", random)[:size]},
		{"random", random},
		{"zeros", make([]byte, size)},
		{"all secret", fill(func() []byte { return append(bytes.Clone(form()), '\n') })},
		{"a secret a kilobyte", fill(func() []byte { i := r.IntN(size - 1000); return append(bytes.Clone(random[i:i+1000]), form()...) })},
		{"all but the last byte", fill(func() []byte { f := form(); return f[:len(f)-1] })},
		{"the same but the last byte", fill(func() []byte { f := forms[0]; return f[:len(f)-1] })},
		{"beginnings", fill(func() []byte { f := form(); return f[:1+r.IntN(min(12, len(f)-1))] })},
		{"middles", fill(func() []byte { f := form(); i := r.IntN(len(f) - 5); return f[i : i+5] })},
	}
}

// P12: 500 MB/s a core.
func BenchmarkWriter(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	secrets := tenSecrets(r)
	for _, min := range []int{8, 4} {
		p := Compile(min, secrets...)
		for _, c := range texts(r, secrets) {
			b.Run(fmt.Sprintf("min=%d/%s", min, c.name), func(b *testing.B) {
				benchmarkWriter(b, p, c.text)
			})
		}
	}
	// Secrets that repeat themselves, and texts that nearly do: linear, if not fast.
	as, abs := bytes.Repeat([]byte("a"), 40), bytes.Repeat([]byte("ab"), 20)
	for _, c := range []struct {
		name          string
		secret, piece []byte
	}{
		{"aaab in aaacaaac", append(as[:39:39], 'b'), append(as[:39:39], 'c')},
		{"aaab in aaaaaaaa", append(as[:39:39], 'b'), as},
		{"abac in abababab", append(abs[:39:39], 'c'), abs},
		{"aaaa in aaaaaaaa", as, as},
	} {
		b.Run("repeating/"+c.name, func(b *testing.B) {
			benchmarkWriter(b, Compile(8, c.secret), bytes.Repeat(c.piece, 25000))
		})
	}
}

func benchmarkWriter(b *testing.B, p *Patterns, text []byte) {
	w := NewWriter(io.Discard, p, Replacement)
	if _, err := w.Write(text); err != nil { // the buffers grow
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Write(text); err != nil {
			b.Fatal(err)
		}
	}
}

// An event stream: many small writes.
func BenchmarkWriterSmall(b *testing.B) {
	w := NewWriter(io.Discard, Compile(8, tenSecrets(rand.New(rand.NewPCG(1, 2)))...), Replacement)
	event := []byte("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" the\"},\"finish_reason\":null}]}\n\n")
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Write(event); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	secrets := tenSecrets(r)
	var keys [][]byte
	for range 50 {
		keys = append(keys, tenSecrets(r)[0])
	}
	for _, c := range []struct {
		name   string
		values [][]byte
	}{{"a key", secrets[:1]}, {"50 keys", keys}, {"nine and a PEM key", secrets}, {"64 KiB", [][]byte{bytes.Repeat(allBytes(), 256)}}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Compile(8, c.values...)
			}
		})
	}
}
