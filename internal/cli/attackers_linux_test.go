package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// attackers are programs that this test binary is when it is called by their names, as another process of the same user.
var attackers = map[string]func(){
	// attach PID: stops a process as a debugger does.
	"attach": func() {
		pid, err := strconv.Atoi(os.Args[1])
		if err == nil {
			err = syscall.PtraceAttach(pid)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("attached")
	},
	// fakeagent SOCKET VAULT: answers as an agent does, and prints every byte that comes after it said yes.
	"fakeagent": func() {
		l, err := net.Listen("unix", os.Args[1])
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("listening")
		for {
			c, err := l.Accept()
			if err != nil {
				os.Exit(1)
			}
			answer(c, os.Args[2])
		}
	},
}

func answer(c net.Conn, vault string) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		if strings.HasSuffix(request.URL.Path, "/unlock") {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tacit-root-key\r\n\r\n")
			key, _ := io.ReadAll(r)
			fmt.Printf("key %x\n", key)
			return
		}
		body := fmt.Sprintf(`{"running":true,"pid":%d,"version":"1.0.0","socket":%q,"locked":true,"locks_at":null,"idle_locks_at":null,"callers":1,"vault":%q}`,
			os.Getpid(), os.Args[1], vault)
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}
