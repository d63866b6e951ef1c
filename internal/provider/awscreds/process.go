package awscreds

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

// process runs the program of credential_process, which prints credentials as JSON. It sees of our environment what a child of tacit
// may see (I12), and what it says to stderr is not shown: nobody knows what is in it.
func (s *Source) process(ctx context.Context, line, from string) (Credentials, error) {
	words := split(line, runtime.GOOS != "windows")
	if len(words) == 0 {
		return Credentials{}, s.misconfigured("the credential_process of %s is no command", from)
	}
	cmd := exec.CommandContext(ctx, s.expand(words[0]), words[1:]...)
	cmd.Env = []string{} // nothing, not everything
	if s.c.World.ChildEnvironment != nil {
		env, err := s.c.World.ChildEnvironment(ctx)
		if err != nil {
			return Credentials{}, err
		}
		cmd.Env = append(cmd.Env, env...)
	}
	cmd.WaitDelay = time.Second
	var out bounded
	cmd.Stdout = &out
	err := cmd.Run()
	var got endpointAnswer
	switch {
	case ctx.Err() != nil:
		e := provider.Errorf(fault.Unavailable, s.c.Name, "the credential_process of %s did not end in time", from).WithFix("run it yourself: what does it wait for?")
		e.Err = ctx.Err()
		return Credentials{}, e
	case err != nil:
		return Credentials{}, s.misconfigured("the credential_process of %s failed", from).WithFix("run it yourself to see what it says")
	case out.tooLong || json.Unmarshal(out.kept, &got) != nil || got.Version != 1:
		return Credentials{}, s.misconfigured("the credential_process of %s did not print credentials", from).WithFix("it has to print JSON with Version 1")
	}
	c, ok := got.credentials(from)
	if !ok {
		return Credentials{}, s.misconfigured("the credential_process of %s did not print credentials", from).WithFix("it has to print JSON with Version 1")
	}
	return c, nil
}

// bounded keeps what is written to it, up to maxAnswer.
type bounded struct {
	kept    []byte
	tooLong bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.kept)+len(p) > maxAnswer {
		b.tooLong = true
		return len(p), nil
	}
	b.kept = append(b.kept, p...)
	return len(p), nil
}

// split cuts a command line into words as a shell would that knows only quotes and, where paths do not need it, the backslash.
func split(line string, backslash bool) []string {
	var words []string
	var word strings.Builder
	var quote byte
	in := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case backslash && c == '\\' && quote != '\'' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
			in = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}
