package systemtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"tacit/internal/keeper"
)

// op is one change, as it is sent to a process that makes it.
type op struct {
	Kind  string // set, rotate, tag, rm, mv, rollback, purge, import, bulk, restore, rotate-root, resume
	Name  string
	To    string   // mv: the new name; tag: the tag
	Value string   // set, rotate: the value; import, bulk: what the values begin with
	Names []string // import, bulk
	N     int      // rollback, purge: the version
}

// bulkSize is how many values a bulk import has. With bulkValue bytes each they are too many for one batch, so that the storage is
// replaced.
const (
	bulkSize  = 130
	bulkValue = 64 << 10
)

// value is the value of one name of an import.
func (o op) value(name string) string {
	if o.Kind != "bulk" {
		return o.Value + " of " + name
	}
	unit := o.Value + " of " + name + "|"
	return strings.Repeat(unit, bulkValue/len(unit)+1)[:bulkValue]
}

// do makes the change.
func (o op) do(ctx context.Context, k *keeper.Keeper, backup io.Reader) (err error) {
	switch o.Kind {
	case "set":
		_, err = k.Set(ctx, owner, setRequest(o.Name, o.Value))
	case "rotate":
		_, err = k.Rotate(ctx, owner, keeper.RotateRequest{Ref: ref(o.Name), Value: val(o.Value), Overlap: time.Hour})
	case "tag":
		_, err = k.Update(ctx, owner, keeper.UpdateRequest{Ref: ref(o.Name), AddTags: []string{o.To}})
	case "rm":
		_, err = k.Remove(ctx, owner, keeper.RemoveRequest{Names: []string{o.Name}})
	case "mv":
		_, err = k.Move(ctx, owner, ref(o.Name), o.To)
	case "rollback":
		_, err = k.Rollback(ctx, owner, keeper.Ref{Name: o.Name, Version: o.N})
	case "purge":
		_, err = k.Purge(ctx, owner, ref(o.Name), []int{o.N})
	case "import", "bulk":
		i := 0
		_, err = k.Import(ctx, owner, keeper.ImportRequest{Format: "json", OnConflict: "version"}, func() (keeper.ImportEntry, error) {
			if i++; i > len(o.Names) {
				return keeper.ImportEntry{}, io.EOF
			}
			return keeper.ImportEntry{Name: o.Names[i-1], Value: val(o.value(o.Names[i-1]))}, nil
		})
	case "restore":
		_, err = k.Restore(ctx, owner, keeper.RestoreRequest{Backup: backup})
	case "rotate-root", "resume":
		_, err = k.RotateRoot(ctx, owner, keeper.RotateRootRequest{Resume: o.Kind == "resume"})
	default:
		err = errors.New("no change " + o.Kind)
	}
	return err
}

// entry is a secret as it should be. Version n is versions[n-1]; an empty one was purged.
type entry struct {
	versions []string
	tags     []string
}

func (e entry) last() string { return e.versions[len(e.versions)-1] }

// state is what a vault should hold, by name.
type state map[string]entry

// lines are what the log says of a change: action, name and version of each object.
type lines []string

func line(action, name string, version int) string {
	if name == "" {
		return action
	}
	return action + " " + name + "@" + strconv.Itoa(version)
}

// after returns the state after o, and its lines. restored is the state in the backup.
func (s state) after(o op, restored state) (state, lines) {
	n := maps.Clone(s)
	e := n[o.Name]
	e.versions = slices.Clip(e.versions)
	add := func(name, value string) {
		e := n[name]
		n[name] = entry{append(slices.Clip(e.versions), value), e.tags}
	}
	switch o.Kind {
	case "set":
		add(o.Name, o.Value)
		return n, lines{line("write", o.Name, len(e.versions)+1)}
	case "rotate":
		add(o.Name, o.Value)
		return n, lines{line("rotate", o.Name, len(e.versions)+1)}
	case "tag":
		if !slices.Contains(e.tags, o.To) {
			e.tags = slices.Sorted(slices.Values(append(slices.Clip(e.tags), o.To)))
		}
		n[o.Name] = e
		return n, lines{line("write", o.Name, len(e.versions))}
	case "rm":
		delete(n, o.Name)
		return n, lines{line("delete", o.Name, len(e.versions))}
	case "mv":
		delete(n, o.Name)
		n[o.To] = e
		return n, lines{line("write", o.Name, len(e.versions))}
	case "rollback":
		add(o.Name, e.versions[o.N-1])
		return n, lines{line("write", o.Name, len(e.versions)+1)}
	case "purge":
		e.versions = slices.Clone(e.versions)
		e.versions[o.N-1] = ""
		n[o.Name] = e
		return n, lines{line("delete", o.Name, o.N)}
	case "import", "bulk":
		var all lines
		for _, name := range o.Names {
			add(name, o.value(name))
			all = append(all, line("write", name, 0))
		}
		return n, all
	case "restore":
		return maps.Clone(restored), lines{"admin"}
	case "resume":
		return n, lines{"admin"}
	}
	return n, lines{"admin", "admin"} // a root rotation begins and ends
}

// next makes up a change that is possible in this state.
func (s state) next(r *rand.Rand, serial int, rotating bool) op {
	value := fmt.Sprintf("value %d", serial)
	fresh := fmt.Sprintf("n/%03d", r.IntN(1000))
	for _, taken := s[fresh]; taken; _, taken = s[fresh] {
		fresh = fmt.Sprintf("n/%03d", r.IntN(1000))
	}
	names := slices.Sorted(maps.Keys(s))
	if len(names) > 100 { // after a bulk import
		return op{Kind: "restore"}
	}
	name := names[r.IntN(len(names))]
	e := s[name]
	old := 1 + r.IntN(len(e.versions))
	isOld := old < len(e.versions) && e.versions[old-1] != ""
	switch n := r.IntN(100); {
	case rotating && n < 50:
		return op{Kind: "resume"}
	case n < 12 && len(s) > 30, n < 4 && len(s) > 10:
		return op{Kind: "rm", Name: name}
	case n < 25:
		return op{Kind: "set", Name: fresh, Value: value}
	case n < 40:
		return op{Kind: "rotate", Name: name, Value: value}
	case n < 48:
		return op{Kind: "tag", Name: name, To: fmt.Sprintf("t%d", r.IntN(5))}
	case n < 53:
		return op{Kind: "mv", Name: name, To: fresh}
	case n < 58 && isOld:
		return op{Kind: "rollback", Name: name, N: old}
	case n < 63 && isOld:
		return op{Kind: "purge", Name: name, N: old}
	case n < 72:
		o := op{Kind: "import", Value: value}
		for i := range 12 {
			o.Names = append(o.Names, fmt.Sprintf("i/%02d", (serial+i)%40))
		}
		return o
	case rotating:
	case n < 75:
		o := op{Kind: "bulk", Value: value}
		for i := range bulkSize {
			o.Names = append(o.Names, fmt.Sprintf("bulk/%03d", i))
		}
		return o
	case n < 82:
		return op{Kind: "restore"}
	case n < 92:
		return op{Kind: "rotate-root"}
	}
	return op{Kind: "set", Name: name, Value: value}
}

// holds returns nil if the vault's current values, version numbers and tags are those of the state, and every version of the
// secret name is.
func (s state) holds(ctx context.Context, k *keeper.Keeper, name string) error {
	got := state{}
	versions := map[string]int{}
	_, err := k.Export(ctx, owner, keeper.ExportRequest{Values: true}, func(e keeper.Exported) error {
		got[e.Secret.Name] = entry{[]string{string(e.Value.Reveal())}, e.Secret.Tags}
		versions[e.Secret.Name] = e.Secret.Version
		return nil
	})
	if err != nil {
		return err
	}
	for name, want := range s {
		is, ok := got[name]
		switch {
		case !ok:
			return fmt.Errorf("%s is not there", name)
		case is.last() != want.last():
			return fmt.Errorf("%s is %.40q, not %.40q", name, is.last(), want.last())
		case versions[name] != len(want.versions):
			return fmt.Errorf("%s has version %d, not %d", name, versions[name], len(want.versions))
		case !slices.Equal(is.tags, want.tags):
			return fmt.Errorf("%s has the tags %q, not %q", name, is.tags, want.tags)
		}
	}
	for name := range got {
		if _, ok := s[name]; !ok {
			return fmt.Errorf("%s is there", name)
		}
	}
	for i, want := range s[name].versions {
		got, err := k.Get(ctx, owner, keeper.GetRequest{Ref: keeper.Ref{Name: name, Version: i + 1}, IncludeExpired: true})
		if want == "" && err == nil {
			return fmt.Errorf("%s@%d was purged and is there", name, i+1)
		}
		if want != "" && (err != nil || string(got.Value.Reveal()) != want) {
			return fmt.Errorf("%s@%d is %.40q, %w; not %.40q", name, i+1, got.Value.Reveal(), err, want)
		}
	}
	return nil
}

// changesSince returns the lines of the log about changes that happened, after the record seq, and the last record.
func changesSince(ctx context.Context, k *keeper.Keeper, seq uint64) (found lines, last uint64, err error) {
	a, err := k.Audit(ctx, owner, keeper.AuditRequest{})
	last = seq
	for _, r := range a.Records {
		last = max(last, r.Seq)
		if r.Seq <= seq || r.Result != "allowed" || r.Action == "read" || r.Action == "list" || r.Action == "audit" {
			continue
		}
		name, version := "", 0
		if r.Object.Kind == "secret" && r.Object.Name != nil {
			name = *r.Object.Name
		}
		if r.Object.Version != nil {
			version = *r.Object.Version
		}
		found = append(found, line(r.Action, name, version))
	}
	return found, last, err
}
