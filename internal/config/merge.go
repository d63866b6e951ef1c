package config

import (
	"slices"
	"time"

	"tacit/internal/settings"
	"tacit/internal/when"
)

// laySecrets returns the project's table secrets over the user's. A project's providers take the place of the user's as a whole, and
// the user's default_provider with them: it names one of those. The keys of cache are laid over each other, but no project makes what is
// kept last longer than the user allows.
func laySecrets(project, user settings.Value) settings.Value {
	out := lay(project, user, 1)
	if project.Table == nil || user.Table == nil {
		return out
	}
	if _, says := member(project.Table, "default_provider"); !says && member1(project.Table, "providers").Table != nil {
		out.Table.Members = slices.DeleteFunc(out.Table.Members, func(m settings.Member) bool { return m.Key == "default_provider" })
	}
	for i, m := range out.Table.Members {
		if m.Key == "cache" {
			out.Table.Members[i].Value = layCache(m.Value, member1(user.Table, "cache"))
		}
	}
	return out
}

func layCache(project, user settings.Value) settings.Value {
	out := lay(project, user, 1)
	most, limited := age(member1(user.Table, "max_age"))
	if out.Table == nil || !limited {
		return out
	}
	for i, m := range out.Table.Members {
		if d, ok := age(m.Value); m.Key == "max_age" && ok && d > most {
			out.Table.Members[i].Value = member1(user.Table, "max_age")
		}
	}
	return out
}

// age reads a duration. What is none is an error where it is read.
func age(v settings.Value) (time.Duration, bool) {
	if v.Text == "0" {
		return 0, true
	}
	d, err := when.Duration(v.Text)
	return d, err == nil
}
