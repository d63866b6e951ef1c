package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tacit/internal/fault"
	"tacit/internal/paths"
)

// A habit is a command of another tool in its new form.
type habit struct {
	global []string   // global flags that stood before the group
	old    string     // the command as it was typed
	verb   string     // the command that it is now
	flags  [][]string // each with its value, if it has one
	words  []string   // arguments
	id     string     // of --id

	value     *string // of --value
	newName   string  // of update --name
	scope     string  // of --scope, in the words of the other tool
	workspace string
	group     string

	neverAsked bool // the other tool removed without a question, so a script has no --force
}

// verbs maps the commands of other tools to ours. What is missing has the same name.
func verbs(old string) string {
	switch old {
	case "create", "add", "new":
		return "set"
	case "ls":
		return "list"
	case "delete", "remove", "del":
		return "rm"
	case "attach-group", "detach-group":
		return "update"
	case "rename", "move":
		return "mv"
	case "gen":
		return "generate"
	case "describe", "info":
		return "show"
	case "versions":
		return "history"
	case "audit-log", "log":
		return "audit"
	}
	return old
}

// translate reads what was typed after the name of the group, and the global flags before it.
func (a *app) translate(group string, args []string) (*habit, error) {
	root := a.root()
	word := commandWord(root, args)
	if word == "" {
		return &habit{}, nil
	}
	at := slices.Index(args, word)
	h := &habit{global: args[:at], old: word, verb: verbs(word)}
	target := h.target(a)
	if target == nil {
		return nil, fault.New(fault.Usage, "%s: unknown command%s", group, quoteWord(word)).WithFix("tacit --help lists the commands")
	}
	lookup := func(name string) *pflag.Flag {
		for _, set := range []*pflag.FlagSet{target.Flags(), root.PersistentFlags()} {
			if f := set.Lookup(strings.TrimPrefix(name, "--")); f != nil && strings.HasPrefix(name, "--") {
				return f
			}
			if f := set.ShorthandLookup(strings.TrimLeft(name, "-")[:1]); f != nil && len(name) == 2 {
				return f
			}
		}
		return nil
	}
	rest := &arguments{args[at+1:]}
	for len(rest.left) > 0 {
		arg := rest.pop()
		switch {
		case arg == "--":
			h.words, rest.left = append(h.words, rest.left...), nil
		case len(arg) < 2 || arg[0] != '-':
			h.words = append(h.words, arg)
		default:
			if err := h.oldFlag(arg, rest, lookup); err != nil {
				return nil, err
			}
		}
	}
	return h, h.finish(group)
}

// target builds the command that the habit is now, to know its flags.
func (h *habit) target(a *app) *cobra.Command {
	for _, e := range slices.Concat(secretsEntries(), auditEntries()) {
		if slices.Contains(e.names, h.verb) {
			return e.build(a)
		}
	}
	return nil
}

// arguments are what is still to be read.
type arguments struct{ left []string }

func (r *arguments) pop() string {
	first := r.left[0]
	r.left = r.left[1:]
	return first
}

// peek returns the next argument, or "".
func (r *arguments) peek() string {
	if len(r.left) == 0 {
		return ""
	}
	return r.left[0]
}

// oldFlag reads one flag: of the other tool, or one of ours, which is kept as it is.
func (h *habit) oldFlag(arg string, rest *arguments, lookup func(string) *pflag.Flag) error {
	name, inline, hasInline := strings.Cut(arg, "=")
	missing := false
	value := func() string {
		switch {
		case hasInline:
			return inline
		case len(rest.left) == 0:
			missing = true
			return ""
		}
		return rest.pop()
	}
	setsValue := h.verb == "set" || h.verb == "rotate" || h.verb == "update"
	next := rest.peek()
	if hasInline {
		next = inline
	}
	switch {
	case name == "--name" && h.verb == "update":
		h.newName = value()
	case name == "--name":
		h.words = append([]string{value()}, h.words...)
	case name == "--id":
		h.id = value()
	case name == "--value", name == "-v" && setsValue:
		v := value()
		h.value = &v
	case name == "-v" && h.verb == "list":
		h.flag("--json")
	case name == "--tags":
		h.flag("--tag", value())
	case name == "--pattern", name == "--file", name == "-f" && h.verb == "import" && next != "" && next[0] != '-':
		h.words = append(h.words, value())
	case name == "--required":
	case name == "--show-full":
		if h.verb == "show" {
			h.flag("--reveal")
		}
	case name == "--failed-only":
		h.flag("--failed")
	case name == "--include-values":
		h.flag("--values")
	case name == "--confirm", name == "--yes", name == "-y":
		h.flag("--force")
	case name == "--workspace-id":
		h.workspace = value()
	case name == "--group-id":
		h.group = value()
	case name == "--scope":
		h.scope = value()
	case name == "-f" && h.verb == "export" && slices.Contains([]string{"json", "yaml", "env"}, next):
		h.flag("--format", value()) // there it printed values
		h.flag("--values")
	case (name == "-o" || name == "--output" || name == "--format") && h.verb != "export" && h.verb != "import":
		if value() == "json" {
			h.flag("--json")
		}
	default:
		f := lookup(name)
		if f == nil || f.NoOptDefVal != "" || hasInline {
			h.flag(arg) // one of ours, or one that nobody knows: the command itself says so
			return nil
		}
		h.flag(name, value())
	}
	if missing {
		return fault.New(fault.Usage, "%s: the flag %s needs a value", h.old, name)
	}
	return nil
}

// finish puts together what several flags say.
func (h *habit) finish(group string) error {
	switch h.scope {
	case "workspace", "group":
		if h.workspace == "" {
			return fault.New(fault.Usage, "%s: --scope %s needs --workspace-id", h.old, h.scope).WithFix("--scope workspace/W")
		}
		scope := "workspace/" + h.workspace
		if h.group != "" {
			scope += "/group/" + h.group
		}
		h.flag("--scope", scope)
	default:
		if h.scope != "" {
			h.flag("--scope", h.scope)
		}
		if h.workspace != "" {
			h.flag("--workspace", h.workspace)
		}
		if h.group != "" && !strings.HasSuffix(h.old, "-group") {
			h.flag("--group", h.group)
		}
	}
	switch {
	case h.old == "attach-group" || h.old == "detach-group":
		if h.group == "" {
			return fault.New(fault.Usage, "%s: --group-id is missing", h.old)
		}
		h.flag("--"+h.old, h.group)
	case h.old == "update" && h.newName != "":
		h.verb, h.words = "mv", append(h.words, h.newName)
	case h.old == "update" && h.value != nil:
		h.verb = "set"
	case h.old == "delete" && h.id != "", group == "vault" && h.old == "rm":
		h.neverAsked = true
	case group == "vault" && h.old == "import" && !h.has("--format") && !h.has("--entry") && !h.has("--on-conflict"):
		h.flag("--replace") // there a file always replaced everything
	}
	if h.value != nil {
		h.words = append(h.words, *h.value)
	}
	return nil
}

func (h *habit) flag(name string, value ...string) {
	h.flags = append(h.flags, append([]string{name}, value...))
}

func (h *habit) has(name string) bool {
	return slices.ContainsFunc(h.flags, func(f []string) bool { return f[0] == name || strings.HasPrefix(f[0], name+"=") })
}

// args returns the command line in its new form.
func (h *habit) args() []string {
	out := append(slices.Clone(h.global), h.verb)
	for _, f := range h.flags {
		out = append(out, f...)
	}
	if len(h.words) > 0 {
		out = append(append(out, "--"), h.words...)
	}
	return out
}

// shown returns the new form for eyes: with the first argument, which is a name, and without any other, which may be a value.
func (h *habit) shown() string {
	out := []string{"tacit", h.verb}
	if len(h.words) > 1 || len(h.words) == 1 && h.value == nil {
		out = append(out, paths.Quote(h.words[0]))
	}
	for _, f := range h.flags {
		name, _, inline := strings.Cut(f[0], "=")
		if inline || len(f) > 1 {
			name += " …"
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}
