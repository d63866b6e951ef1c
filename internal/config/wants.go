package config

import (
	"fmt"
	"slices"
	"strings"

	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/settings"
)

// A Want is one thing that a project file would do once it is trusted.
type Want struct {
	Kind  string // of those below
	Text  string // for eyes: the provider and where it is, the command, the secret, the variable, the file
	Place settings.Place
	New   bool // it was not there when the file was trusted before
}

// The kinds of wants, in the order in which they are listed.
const (
	WantDefault  = "default provider"
	WantProvider = "provider"
	WantCommand  = "command"
	WantFile     = "env file"
	WantVariable = "variable"
	WantSecret   = "secret"
)

// Wants lists what the file would do, each thing once. It opens nothing. Variables of the file are put in, as each profile has them: a
// provider whose address is ${vars.x} is another one when x changes.
func (f *File) Wants() []Want {
	f.parse()
	all := wants{budget: maxShown}
	all.file(f.root)
	profiles := membersOf(member1(f.root, "profiles"))
	for _, m := range profiles[:min(len(profiles), maxProfiles)] {
		all.file(overlay(f.root, m.Value.Table))
	}
	f.vague = all.budget < 0
	all.secrets(settings.Value{Table: f.root})
	order.By(all.list, func(a, b Want) int { return rankOf(a.Kind) - rankOf(b.Kind) })
	return all.list
}

// file adds what the tables of a file, or of one with a profile over it, want.
func (w *wants) file(root *settings.Table) {
	c := &Config{Vars: member1(root, "vars")}
	shown := c.show(settings.Value{Table: root}, func(r name.Reference) ([]byte, error) { return []byte("${secret:" + r.Bare() + "}"), nil }, &w.budget)
	secrets := member1(shown.Table, "secrets")
	if v, ok := member(secrets.Table, "default_provider"); ok {
		w.add(WantDefault, v.Text, v.Place)
	}
	for _, m := range membersOf(member1(secrets.Table, "providers")) {
		w.add(WantProvider, m.Key+providerText(m.Value), m.Value.Place)
	}
	for _, m := range membersOf(member1(shown.Table, "tasks")) {
		w.task(m.Key, m.Value)
	}
	w.environment(shown)
}

func rankOf(kind string) int {
	return slices.Index([]string{WantDefault, WantProvider, WantCommand, WantFile, WantVariable, WantSecret}, kind)
}

func membersOf(v settings.Value) []settings.Member {
	if v.Table == nil {
		return nil
	}
	return v.Table.Members
}

// wants collects wants, each once.
type wants struct {
	list   []Want
	seen   map[string]bool
	budget int // what may still be put in; below 0 the rest is as it is written
}

func (w *wants) add(kind, text string, place settings.Place) {
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	if id := kind + "\x00" + text; !w.seen[id] {
		w.seen[id] = true
		w.list = append(w.list, Want{Kind: kind, Text: text, Place: place})
	}
}

// task adds the commands of a task or a step, what they read and what stands for their parameters, which may be as much of a program as the
// command is; and its variables.
func (w *wants) task(name string, v settings.Value) {
	if v.Text != "" {
		w.add(WantCommand, name+": "+v.Text, v.Place)
	}
	if c, ok := member(v.Table, "command"); ok {
		w.add(WantCommand, name+": "+c.Text, c.Place)
	}
	if in, ok := member(v.Table, "stdin"); ok {
		w.add(WantCommand, name+" reads: "+in.Text, in.Place)
	}
	for _, p := range member1(v.Table, "params").List {
		if d, ok := member(p.Table, "default"); ok {
			w.add(WantCommand, name+" with ${params."+member1(p.Table, "name").Text+"}: "+d.Text, d.Place)
		}
	}
	w.environment(v)
	for _, step := range member1(v.Table, "steps").List {
		w.task(name, step)
	}
}

// environment adds what env and env_files of a table name.
func (w *wants) environment(v settings.Value) {
	for _, m := range membersOf(member1(v.Table, "env")) {
		w.add(WantVariable, m.Key+"="+m.Value.Text, m.Value.Place)
	}
	for _, file := range member1(v.Table, "env_files").List {
		w.add(WantFile, file.Text, file.Place)
	}
}

// secrets adds the secrets that any text below v names.
func (w *wants) secrets(v settings.Value) {
	switch {
	case v.Table != nil:
		for _, m := range v.Table.Members {
			w.secrets(m.Value)
		}
	case v.List != nil:
		for _, x := range v.List {
			w.secrets(x)
		}
	default:
		t, _ := parseTemplate(v.Text, v.Block) // what is no reference asks for nothing
		for _, ref := range t.Secrets() {
			w.add(WantSecret, ref.Bare(), v.Place)
		}
	}
}

// providerText is the settings of a provider in a line, so that it is seen whom it reaches and what it runs.
func providerText(v settings.Value) string {
	var b strings.Builder
	for _, m := range membersOf(v) {
		fmt.Fprintf(&b, " %s=%s", m.Key, shortValue(m.Key, m.Value))
	}
	return b.String()
}

// shortValue is a value in a line. What looks like a secret that somebody wrote down is not repeated.
func shortValue(key string, v settings.Value) string {
	switch {
	case v.Table != nil:
		var all []string
		for _, m := range v.Table.Members {
			all = append(all, m.Key+"="+shortValue(m.Key, m.Value))
		}
		return "{" + strings.Join(all, " ") + "}"
	case v.List != nil:
		var all []string
		for _, x := range v.List {
			all = append(all, shortValue(key, x))
		}
		return "[" + strings.Join(all, " ") + "]"
	case isConfidential(key) && !strings.Contains(v.Text, "${"):
		return Hidden
	}
	return v.Text
}

// isConfidential reports whether a key of a provider holds what proves who asks, and not only where that is or where it goes.
func isConfidential(key string) bool {
	for _, end := range []string{"_path", "_file", "_url"} {
		if strings.HasSuffix(key, end) {
			return false
		}
	}
	for _, word := range []string{"token", "secret", "password", "passphrase", "credential_json", "api_key", "access_key", "private_key"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}
