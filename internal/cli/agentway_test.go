package cli_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tacit/internal/engine/enginetest"
)

// throughAgent makes the program unlock the agent before it does what it was called for, see [unlockFirst].
const throughAgent = "TACIT_TEST_THROUGH_AGENT"

// aloneOnly are the scripts that are not run through the agent. Each says why.
var aloneOnly = map[string]string{
	"agent":          "is about the agent itself",
	"completion":     "says what is offered without an agent",
	"completion_tty": "goes through the agent by itself",
	"status":         "says whether an agent runs",
	"slot":           "takes keys away, which an unlocked agent does not need",
	"run_slot":       "takes keys away, which an unlocked agent does not need",
}

// TestScriptsThroughTheAgent runs the sessions of TestScripts once more, with an agent that is unlocked wherever the script has a vault
// that opens without a question: every output, every exit status and every record that a script checks must be what it is
// without one.
func TestScriptsThroughTheAgent(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	scripts = slices.DeleteFunc(scripts, func(file string) bool {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		_, alone := aloneOnly[name]
		return alone || int(name[0])%enginetest.Slow != 0 // the race detector sees a few of them
	})
	testscript.Run(t, sessions(scripts, func(env *testscript.Env) error {
		env.Setenv(throughAgent, "1")
		return emptyHome(env)
	}))
}

// unlockFirst unlocks the agent for the command that this process was called for, when the script asks for that. It fails where
// there is no vault yet, or none that opens without a question: then the command is on its own, as it would be.
func unlockFirst() {
	if os.Getenv(throughAgent) == "" || len(os.Args) < 2 || slices.Contains([]string{"agent", "unlock", "lock"}, os.Args[1]) {
		return
	}
	self, err := os.Executable()
	if err != nil {
		return
	}
	c := exec.Command(self)
	c.Args = []string{"tacit", "unlock"}
	c.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, throughAgent+"=") })
	c.SysProcAttr = noTerminal()
	_ = c.Run()
}

// stopAgents ends the agents that a script left behind: one for each vault that it made below dir.
func stopAgents(env []string, dir string) {
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "agent.lock" {
			stopAgent(append(slices.Clone(env), "TACIT_DIR="+filepath.Dir(path)))
		}
		return nil
	})
	stopAgent(env)
}

// stopAgent ends the agent that a test left behind.
func stopAgent(env []string) {
	c := exec.Command("tacit", "agent", "stop")
	c.Env = append(slices.Clone(env), "TACIT_TOKEN=", "TACIT_ADDR=")
	_ = c.Run()
}
