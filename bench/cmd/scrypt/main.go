// Command scrypt derives one key as an age passphrase slot does (N = 2^18, r = 8, p = 1): what a passphrase costs at least.
package main

import (
	"fmt"
	"os"

	"golang.org/x/crypto/scrypt"
)

func main() {
	key, err := scrypt.Key([]byte("correct horse battery staple"), []byte("age-encryption.org/v1/scrypt 16b"), 1<<18, 8, 1, 32)
	if err != nil {
		fmt.Fprintln(os.Stderr, "scrypt:", err)
		os.Exit(1)
	}
	fmt.Printf("%x\n", key)
}
