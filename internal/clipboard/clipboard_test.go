package clipboard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/secret"
)

// world returns a World with these variables and tools.
func world(goos string, vars map[string]string, tools ...string) World {
	return World{
		GOOS:   goos,
		Getenv: func(n string) string { return vars[n] },
		LookPath: func(t string) (string, error) {
			for _, have := range tools {
				if have == t {
					return "/bin/" + t, nil
				}
			}
			return "", exec.ErrNotFound
		},
		InMemory: func(string) bool { return vars["memory"] != "" },
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	x11 := map[string]string{"DISPLAY": ":0"}
	wayland := map[string]string{"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0", "memory": "yes"}
	waylandOnDisk := map[string]string{"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}
	for _, tt := range []struct {
		name     string
		world    World
		terminal bool
		want     string // the tool
		fix      string // or what to do
	}{
		{"xclip", world("linux", x11, "xsel", "xclip"), false, "xclip", ""},
		{"xsel", world("linux", x11, "xsel"), false, "xsel", ""},
		{"X and no tool", world("linux", x11, "wl-copy"), true, "", "install xclip or xsel"},
		{"Wayland", world("linux", wayland, "xclip", "wl-copy", "wl-paste"), true, "wl-copy", ""},
		{"Wayland without wl-copy", world("linux", wayland, "xclip"), true, "xclip", ""},
		{"Wayland and no tool", world("linux", wayland), true, "", "install wl-clipboard"},
		{"Wayland, /tmp on a disk", world("linux", waylandOnDisk, "xsel", "wl-copy", "wl-paste"), false, "xsel", ""},
		{"Wayland, /tmp on a disk and no other tool", world("linux", waylandOnDisk, "wl-copy", "wl-paste"), true, "", "install xclip or xsel, or mount a tmpfs at /tmp"},
		{"no display, a terminal", world("linux", nil, "xclip"), true, "the terminal", ""},
		{"no display, no terminal", world("linux", nil, "xclip"), false, "", "on a desktop, install xclip, xsel or wl-clipboard"},
		{"Linux on Windows", world("linux", map[string]string{"WSL_DISTRO_NAME": "Debian"}, "clip.exe"), true, "clip.exe", ""},
		{"macOS", world("darwin", nil, "pbcopy", "pbpaste"), true, "pbcopy", ""},
		{"Windows", world("windows", nil, "clip.exe", "powershell.exe"), true, "clip.exe", ""},
		{"Windows without PowerShell", world("windows", nil, "clip.exe"), true, "clip.exe", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.terminal {
				tt.world.Terminal = &bytes.Buffer{}
			}
			b, err := Find(tt.world)
			if tt.want != "" {
				if err != nil || b.Tool != tt.want {
					t.Errorf("got %v, %v", b, err)
				}
				if can := tt.want != "the terminal" && tt.name != "Windows without PowerShell" && tt.name != "Linux on Windows"; err == nil && b.CanClear() != can {
					t.Errorf("CanClear is %v", b.CanClear())
				}
				return
			}
			var f *fault.Error
			if !errors.As(err, &f) || f.Code.Exit() != 1 || f.Fix != tt.fix {
				t.Errorf("got %v, %v", b, err)
			}
		})
	}
}

func TestTerminalSequence(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		vars          map[string]string
		before, after string
	}{
		"plain":  {nil, "\x1b]52;c;", "\x07"},
		"tmux":   {map[string]string{"TMUX": "/tmp/tmux-0,1,0", "TERM": "screen-256color"}, "\x1bPtmux;\x1b\x1b]52;c;", "\x07\x1b\\"},
		"screen": {map[string]string{"TERM": "screen"}, "\x1bP\x1b]52;c;", "\x07\x1b\x5c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			w := world("linux", tt.vars)
			w.Terminal = &out
			b, err := Find(w)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Copy(context.Background(), secret.New([]byte("pässword\n"))); err != nil {
				t.Fatal(err)
			}
			if want := tt.before + base64.StdEncoding.EncodeToString([]byte("pässword\n")) + tt.after; out.String() != want {
				t.Errorf("got %q, want %q", out.String(), want)
			}
			if cleared, err := b.ClearIf(context.Background(), [sha256.Size]byte{}); cleared || err != nil {
				t.Errorf("a terminal was cleared: %v", err)
			}
			if err := b.Copy(context.Background(), secret.New(bytes.Repeat([]byte("x"), 60_000))); !errors.Is(err, fault.Failed) {
				t.Errorf("a value that no terminal takes: %v", err)
			}
		})
	}
}

func TestOnlyTextIsCopied(t *testing.T) {
	t.Parallel()
	b, err := Find(world("darwin", nil, "pbcopy", "pbpaste"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"a\x00b", "\xff\xfe"} {
		if err := b.Copy(context.Background(), secret.New([]byte(v))); !errors.Is(err, fault.Invalid) || strings.Contains(err.Error(), v) {
			t.Errorf("%q: %v", v, err)
		}
	}
}

func TestWide(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"plain\r\n": "plain\r\n", "ü€": "\xff\xfe\xfc\x00\xac\x20", "😀": "\xff\xfe\x3d\xd8\x00\xde"} {
		if got := string(wide([]byte(in))); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}
