// Command gen prints N secrets of 300 bytes as the JSON that `tacit import` takes. The same N gives the same bytes.
//
// Secret I is called team-TTT/service-SSSS/key-IIIIIII.
package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
)

// size of a value in bytes.
const size = 300

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func main() {
	if len(os.Args) != 2 {
		fail("usage: gen N")
	}
	n, err := strconv.Atoi(os.Args[1])
	if err != nil || n < 1 {
		fail("gen: not a count: " + os.Args[1])
	}
	w := bufio.NewWriterSize(os.Stdout, 1<<20)
	random := rand.NewChaCha8([32]byte{1}) // repeatable on purpose: these are no secrets
	value := make([]byte, size)
	for i := range n {
		for j := 0; j < size; j += 10 {
			bits := random.Uint64()
			for k := range min(10, size-j) {
				value[j+k] = alphabet[bits&63]
				bits >>= 6
			}
		}
		separator := ",\n"
		if i == 0 {
			separator = "{\n"
		}
		fmt.Fprintf(w, "%s\"team-%03d/service-%04d/key-%07d\":\"%s\"", separator, i%997, i%9973, i, value)
	}
	fmt.Fprint(w, "\n}\n")
	if err := w.Flush(); err != nil {
		fail("gen: " + err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
