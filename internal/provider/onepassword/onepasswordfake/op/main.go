//go:build unix

// A fake of op, the program of 1Password.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tacit/internal/provider/onepassword/onepasswordfake"
	"tacit/internal/provider/providertest"
)

func main() { os.Exit(op(os.Args[1:])) }

// op is as much of op 2 as the provider uses. It keeps its items in the directory OP_FAKE, and misbehaves as the file mode there says.
func op(args []string) int {
	dir := os.Getenv("OP_FAKE")
	for i, arg := range append([]string{strings.Join(os.Environ(), "\n")}, args...) {
		if strings.Contains(arg, providertest.Canary) {
			complain("argument or environment %d holds a value", i)
			return 99
		}
	}
	mode, _ := os.ReadFile(filepath.Join(dir, "mode"))
	if status, done := misbehave(providertest.Fault(mode), args); done {
		return status
	}
	if os.Getenv("OP_SERVICE_ACCOUNT_TOKEN") != onepasswordfake.Token {
		complain("You are not currently signed in. Please run `op signin --help` for instructions")
		return 1
	}
	if !slices.Contains(args, "--format=json") || !slices.Contains(args, "--vault=Servers") && args[0] != "vault" {
		complain("unknown arguments %q", args)
		return 1
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		complain("%v", err)
		return 1
	}
	return serve(dir, args)
}

func complain(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[ERROR] 2026/01/02 03:04:05 "+format+"\n", args...)
}

func misbehave(f providertest.Fault, args []string) (status int, done bool) {
	switch f {
	case providertest.Denied:
		complain("403: Forbidden: You do not have permission to use this vault")
		return 1, true
	case providertest.Expired:
		complain("You are not currently signed in, %s", os.Getenv("OP_SERVICE_ACCOUNT_TOKEN"))
		return 1, true
	case providertest.Failing:
		fmt.Print(providertest.Canary)
		complain("\x1b[31munexpected error\a")
		return 1, true
	case providertest.Down:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case providertest.Slow:
		time.Sleep(time.Hour) // ended by who called us
	case providertest.Garbage:
		fmt.Print(providertest.Noise)
	case providertest.Truncated:
		fmt.Print(`[{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","title":"db-password"`)
	case providertest.Huge:
		part := strings.Repeat(" ", 1<<20)
		for {
			if _, err := fmt.Print(part); err != nil {
				return 1, true
			}
		}
	case providertest.ProxyPage:
		fmt.Print(providertest.Page)
	case providertest.WrongName:
		if args[1] != "get" {
			return 0, false
		}
		_ = json.NewEncoder(os.Stdout).Encode(onepasswordfake.Other())
	default:
		return 0, false
	}
	return 0, true
}

// serve does what the arguments say, and keeps what comes of it.
func serve(dir string, args []string) int {
	var k onepasswordfake.Items
	file := filepath.Join(dir, "items")
	if b, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(b, &k); err != nil {
			complain("%v", err)
			return 1
		}
	}
	var answer any
	i := -1
	if len(args) > 2 {
		i = k.Index(args[2])
	}
	switch what := strings.Join(args[:2], " "); {
	case what == "vault get" && args[2] == "Servers":
		answer = map[string]any{"id": onepasswordfake.VaultID, "name": "Servers"}
	case what == "item list":
		answer = k.Overviews(func(string) bool { return true })
	case what == "item create" && args[2] == "-":
		answer = k.Add(template())
	case i < 0:
		complain("%q isn't an item in the \"Servers\" vault. Specify the item with its UUID, name, or domain.", args[2])
		return 1
	case what == "item get":
		answer = k.Items[i]
	case what == "item edit":
		answer = k.Replace(i, template())
	case what == "item delete":
		k.Items = slices.Delete(k.Items, i, i+1)
	default:
		complain("unknown command %q", what)
		return 1
	}
	b, _ := json.Marshal(k)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		complain("%v", err)
		return 1
	}
	if answer != nil {
		_ = json.NewEncoder(os.Stdout).Encode(answer)
	}
	return 0
}

func template() map[string]any {
	var it map[string]any
	if err := json.NewDecoder(os.Stdin).Decode(&it); err != nil && !errors.Is(err, io.EOF) {
		complain("invalid template: %v", err)
	}
	return it
}
