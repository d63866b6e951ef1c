// Command floor prints one line. What it takes to start is the least that any Go program takes; budgets are ratios to it.
package main

import "os"

func main() { _, _ = os.Stdout.WriteString("s3cr3t\n") }
