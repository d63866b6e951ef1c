package disk

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"tacit/internal/engine/enginetest"
)

// Disk is a directory as the kernel sees it and as it is on the medium.
type Disk struct {
	synced  map[string]*inode // names on the medium
	now     map[string]*inode
	pending map[string]bool // directories with changes of names that are not on the medium
}

// inode is a file: what is on the medium, and what was done to it since.
type inode struct {
	synced  []byte
	pending []Event
}

// New returns a disk with these files, all of them on the medium.
func New(files map[string][]byte) *Disk {
	d := &Disk{synced: map[string]*inode{}, now: map[string]*inode{}, pending: map[string]bool{}}
	for name, content := range files {
		d.now[name] = &inode{synced: bytes.Clone(content)}
	}
	d.synced = maps.Clone(d.now)
	return d
}

// Do does what was recorded.
func (d *Disk) Do(e Event) {
	switch e.Call {
	case "create":
		if d.now[e.File] == nil {
			d.now[e.File] = &inode{}
			d.renamed(e.File)
		}
	case "write", "truncate":
		f := d.now[e.File]
		f.pending = append(f.pending, e)
	case "sync":
		f := d.now[e.File]
		f.synced, f.pending = f.with(nothing), nil
	case "syncdir":
		in := func(name string, _ *inode) bool { return path.Dir(name) == e.File }
		maps.DeleteFunc(d.synced, in)
		for name, f := range d.now {
			if in(name, f) {
				d.synced[name] = f
			}
		}
		delete(d.pending, e.File)
	case "rename":
		d.now[e.To] = d.now[e.File]
		delete(d.now, e.File)
		d.renamed(e.File, e.To)
	case "unlink":
		delete(d.now, e.File)
		d.renamed(e.File)
	}
}

func (d *Disk) renamed(names ...string) {
	for _, n := range names {
		d.pending[path.Dir(n)] = true
	}
}

// A change replaces the i-th pending event of a file, or leaves it as it is.
type change func(i int, e Event) (Event, bool)

func nothing(int, Event) (Event, bool) { return Event{}, false }

func everything(int, Event) (Event, bool) { return Event{}, true }

// with returns the content after the pending events, of which change may replace some.
func (f *inode) with(change change) []byte {
	b := bytes.Clone(f.synced)
	if b == nil {
		b = []byte{}
	}
	for i, e := range f.pending {
		if other, ok := change(i, e); ok {
			e = other
		}
		end := e.Offset + int64(len(e.Data))
		switch e.Call {
		case "truncate":
			if end < int64(len(b)) {
				b = b[:end]
			}
			fallthrough
		case "write":
			if end > int64(len(b)) {
				b = append(b, make([]byte, end-int64(len(b)))...)
			}
			copy(b[e.Offset:], e.Data)
		}
	}
	return b
}

// Survivor is what a power loss may leave.
type Survivor struct {
	What  string
	Files map[string][]byte // by name; one that is not there is gone
}

// AfterPowerLoss returns what may be left of the files called only, or of all but hidden ones, if the power goes now: what was not
// synced is there; or all of it is lost; or that of one file; or one write of a file is lost, or torn at a sector. Changes of
// names that were not synced happened or did not.
func (d *Disk) AfterPowerLoss(only ...string) (all []Survivor) {
	names := map[string]map[string]*inode{"names as seen": d.now}
	if len(d.pending) > 0 {
		names["names as synced"] = d.synced
	}
	for what, there := range names {
		files := map[string]*inode{}
		for name, f := range there {
			if slices.Contains(only, name) || len(only) == 0 && !strings.HasPrefix(path.Base(name), ".") {
				files[name] = f
			}
		}
		add := func(how string, change func(name string) change) {
			s := Survivor{What: what + ", " + how, Files: map[string][]byte{}}
			for name, f := range files {
				s.Files[name] = f.with(change(name))
			}
			all = append(all, s)
		}
		add("everything there", func(string) change { return nothing })
		add("everything unsynced lost", func(string) change { return everything })
		for of, f := range files {
			each := func(how string, c change) {
				add(of+": "+how, func(name string) change {
					if name == of {
						return c
					}
					return nothing
				})
			}
			if len(f.pending) > 0 && len(files) > 1 {
				each("everything unsynced lost", everything)
			}
			f.lose(each)
		}
	}
	return all
}

// lose calls each with the ways to lose or tear one pending write.
func (f *inode) lose(each func(how string, c change)) {
	for lost := range f.pending {
		each(fmt.Sprintf("write %d lost", lost), func(i int, e Event) (Event, bool) { return Event{}, i == lost })
		// The sectors before the tear arrived, or those after it.
		for at := 512; at < len(f.pending[lost].Data); at += 512 {
			if at != 512 && at != 2048 && at+512 < len(f.pending[lost].Data) && !enginetest.Long() {
				continue
			}
			each(fmt.Sprintf("write %d torn after %d", lost, at), func(i int, e Event) (Event, bool) {
				return Event{Call: e.Call, Offset: e.Offset, Data: e.Data[:min(at, len(e.Data))]}, i == lost
			})
			each(fmt.Sprintf("write %d torn before %d", lost, at), func(i int, e Event) (Event, bool) {
				return Event{Call: e.Call, Offset: e.Offset + int64(at), Data: e.Data[min(at, len(e.Data)):]}, i == lost
			})
		}
	}
}
