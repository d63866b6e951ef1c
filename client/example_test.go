package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"tacit/client"
)

// The environment says whom to ask: TACIT_ADDR and TACIT_TOKEN, else the agent that `tacit unlock` starts. Here it is a server that
// the test started.
func Example() {
	ctx := context.Background()
	c, err := client.Connect(ctx, client.Options{Addr: exampleAddr})
	if err != nil {
		log.Fatal(err) // "no agent is running, and only that opens the vault for programs (tacit unlock)"
	}
	defer c.Close()

	password, err := c.Get(ctx, "db/password")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("as anybody prints it:", password)
	fmt.Println("bytes:", len(password.Reveal()))

	_, err = c.Get(ctx, "db/passwort")
	fmt.Println("not there:", errors.Is(err, client.ErrNotFound))

	// Output:
	// as anybody prints it: ***
	// bytes: 16
	// not there: true
}

// A sealed secret is given to no program. The broker sends the request with it.
func ExampleClient_Invoke() {
	ctx := context.Background()
	c, err := client.New(client.Options{Addr: exampleAddr})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	_, err = c.Get(ctx, "OPENAI_API_KEY")
	fmt.Println("sealed:", errors.Is(err, client.ErrSealed))

	answer, err := c.Invoke(ctx, client.InvokeRequest{Capability: "openai/models", Method: "GET", Path: "/v1/models"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, string(answer.Body))

	// Output:
	// sealed: true
	// 200 {"data":[]}
}

// Use is Invoke as a stream.
func ExampleClient_Use() {
	ctx := context.Background()
	c, err := client.New(client.Options{Addr: exampleAddr})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	answer, err := c.Use(ctx, client.UseHead{Capability: "openai/models", Method: "GET", Path: "/v1/models"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Close()
	body, err := io.ReadAll(answer) // an answer that breaks off is an error here
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, string(body))

	// Output:
	// 200 data: one
}
