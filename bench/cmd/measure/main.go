// Command measure times whole processes side by side.
//
//	measure [-rounds N] [-o FILE] NAME WORD… [-- NAME WORD…]…
//
// Each group is a name and a command. In every round each command runs once, one after the other, so that whatever slows the
// machine slows all of them. Before its first word a command may have VAR=VALUE settings and one <FILE as its input. {n} in a word
// is the number of the round. The command "@fsync DIR" is no process: it appends 400 bytes to a file in DIR and syncs it.
//
// What a command prints is thrown away; a command that fails ends the measurement. It prints a Markdown table: medians, the tenth
// and ninetieth percentile, the ratio to the first command's median, and the most memory that a run took. (Linux counts a child's
// memory from the moment before exec, so nothing shows as less than this program's own few MiB.) With -o the same goes to FILE as
// JSON, times in milliseconds.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

func main() {
	rounds := flag.Int("rounds", 51, "how often each command runs")
	warm := flag.Int("warm", 3, "rounds before the first one that counts")
	out := flag.String("o", "", "write the results to this `file` as JSON")
	flag.Parse()
	if err := run(flag.Args(), *rounds, *warm, *out); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(args []string, rounds, warm int, out string) error {
	commands, err := parse(args)
	if err != nil {
		return err
	}
	for n := range warm + rounds {
		for _, c := range commands {
			s, err := c.once(n)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if n >= warm {
				c.samples = append(c.samples, s)
			}
		}
	}
	results := map[string]result{}
	fmt.Println("| what | median | 10–90 % | × " + commands[0].name + " | peak memory |")
	fmt.Println("|---|---|---|---|---|")
	base := summarise(commands[0].samples).Median
	for _, c := range commands {
		r := summarise(c.samples)
		results[c.name] = r
		memory := "–"
		if r.PeakMiB > 0 {
			memory = fmt.Sprintf("%.0f MiB", r.PeakMiB)
		}
		fmt.Printf("| %s | %s | %s–%s | %.2f | %s |\n", c.name, ms(r.Median), ms(r.P10), ms(r.P90), r.Median/base, memory)
	}
	if out == "" {
		return nil
	}
	b, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(b, '\n'), 0o644)
}

// ms prints milliseconds with as many digits as say something.
func ms(v float64) string {
	switch {
	case v < 1:
		return fmt.Sprintf("%.3f ms", v)
	case v < 100:
		return fmt.Sprintf("%.2f ms", v)
	case v < 10_000:
		return fmt.Sprintf("%.0f ms", v)
	default:
		return fmt.Sprintf("%.1f s", v/1000)
	}
}

// parse splits args into commands.
func parse(args []string) ([]*command, error) {
	var commands []*command
	for len(args) > 0 {
		group := args
		args = nil
		for i, a := range group {
			if a == "--" {
				group, args = group[:i], group[i+1:]
				break
			}
		}
		c := &command{}
		if len(group) > 0 {
			c.name, group = group[0], group[1:]
		}
		for len(group) > 0 {
			word := group[0]
			if file, ok := strings.CutPrefix(word, "<"); ok {
				c.input = file
			} else if i := strings.IndexByte(word, '='); i > 0 && !strings.ContainsRune(word[:i], '/') {
				c.env = append(c.env, word)
			} else {
				break
			}
			group = group[1:]
		}
		if len(group) == 0 {
			return nil, fmt.Errorf("%q: no command", c.name)
		}
		c.words = group
		commands = append(commands, c)
	}
	if len(commands) == 0 {
		return nil, fmt.Errorf("nothing to measure")
	}
	return commands, nil
}
