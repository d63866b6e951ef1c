package settings_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tacit/internal/fault"
	"tacit/internal/settings"
)

func table(members ...settings.Member) *settings.Table {
	return &settings.Table{Place: settings.Place{File: "tacit.yaml", Line: 1}, Members: members}
}

func scalar(key, text string, line int) settings.Member {
	return settings.Member{Key: key, Value: settings.Value{Place: settings.Place{File: "tacit.yaml", Line: line}, Text: text}}
}

func TestTableReads(t *testing.T) {
	t.Parallel()
	in := table(
		scalar("address", "https://x.example", 2), scalar("ttl", "300s", 3), scalar("retries", "3", 4), scalar("upper", "true", 5),
		settings.Member{Key: "command", Value: settings.Value{List: []settings.Value{{Text: "a"}, {Text: "b"}}}},
		settings.Member{Key: "auth", Value: settings.Value{Table: table(scalar("role", "x", 7))}},
	)
	if got := in.Text("address", ""); got != "https://x.example" {
		t.Errorf("Text = %q", got)
	}
	if got := in.Text("absent", "otherwise"); got != "otherwise" {
		t.Errorf("Text of an absent key = %q", got)
	}
	if got := in.Duration("ttl", 0); got != 300*time.Second {
		t.Errorf("Duration = %v", got)
	}
	if got := in.Number("retries", 0, 0, 9); got != 3 {
		t.Errorf("Number = %v", got)
	}
	if !in.Flag("upper", false) {
		t.Error("Flag = false")
	}
	if got := strings.Join(in.Texts("command"), " "); got != "a b" {
		t.Errorf("Texts = %q", got)
	}
	sub := in.Sub("auth")
	if sub == nil || sub.Text("role", "") != "x" || sub.Done() != nil {
		t.Errorf("Sub = %v", sub)
	}
	if err := in.Done(); err != nil {
		t.Error(err)
	}
}

func TestTableNamesTheLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		read func(*settings.Table)
		want string
	}{
		{"a key that nobody knows", func(*settings.Table) {}, `tacit.yaml:2: unknown key "ttl"`},
		{"not a duration", func(t *settings.Table) { t.Duration("ttl", 0) }, "tacit.yaml:2: ttl is a duration, such as 300s"},
		{"not a number", func(t *settings.Table) { t.Number("ttl", 0, 0, 9) }, "tacit.yaml:2: ttl is a number from 0 to 9"},
		{"not a flag", func(t *settings.Table) { t.Flag("ttl", false) }, "tacit.yaml:2: ttl is true or false"},
		{"not a list", func(t *settings.Table) { t.Texts("ttl") }, "tacit.yaml:2: ttl is a list"},
		{"not a table", func(t *settings.Table) { t.Sub("ttl") }, "tacit.yaml:2: ttl is a table of keys with values"},
		{"what is missing", func(t *settings.Table) { t.Wrong("url", "url is missing") }, "tacit.yaml:1: url is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := table(scalar("ttl", "soon 3", 2))
			test.read(in)
			err := in.Done()
			if !errors.Is(err, fault.Usage) || err.Error() != test.want {
				t.Errorf("Done = %v, want %s", err, test.want)
			}
		})
	}
}
