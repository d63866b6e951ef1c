package clipboard

import (
	"runtime"
	"strings"

	"tacit/internal/fault"
)

// Find returns the clipboard that w reaches: that of the desktop, or the terminal's by OSC 52 where there is no display.
// The error has class fault.Failed and says what to install.
func Find(w World) (*Board, error) {
	if w.GOOS == "" {
		w.GOOS = runtime.GOOS
	}
	b := &Board{world: w}
	switch w.GOOS {
	case "darwin":
		return b.with([]string{"pbcopy"}, []string{"pbpaste"}, []string{"pbcopy"}, "pbcopy is missing: it is a part of macOS")
	case "windows":
		return b.windows()
	}
	wayland, x11 := w.Getenv("WAYLAND_DISPLAY") != "", w.Getenv("DISPLAY") != ""
	// wl-copy keeps what it was given in a file below /tmp, so it is used only where that is memory. Elsewhere the same
	// clipboard is reached through the X server that every Wayland desktop brings along.
	if wayland && w.InMemory("/tmp") && b.has("wl-copy", "wl-paste") {
		b.world.Environ = append(without(w.Environ, "TMPDIR"), "TMPDIR=/tmp")
		return b.with([]string{"wl-copy", "--type", "text/plain"}, []string{"wl-paste", "--no-newline"}, []string{"wl-copy", "--clear"}, "")
	}
	if x11 && b.has("xclip") {
		return b.with([]string{"xclip", "-selection", "clipboard", "-in"}, []string{"xclip", "-selection", "clipboard", "-out"},
			[]string{"xclip", "-selection", "clipboard", "-in"}, "")
	}
	if x11 && b.has("xsel") {
		return b.with([]string{"xsel", "--clipboard", "--input"}, []string{"xsel", "--clipboard", "--output"}, []string{"xsel", "--clipboard", "--clear"}, "")
	}
	if w.Getenv("WSL_DISTRO_NAME") != "" && b.has("clip.exe") {
		return b.windows()
	}
	switch {
	case wayland && !w.InMemory("/tmp"):
		return nil, missing("no clipboard tool can be used: wl-copy would write the value below /tmp, which is on a disk", "install xclip or xsel, or mount a tmpfs at /tmp")
	case wayland:
		return nil, missing("there is no clipboard tool", "install wl-clipboard")
	case x11:
		return nil, missing("there is no clipboard tool", "install xclip or xsel")
	case w.Terminal != nil:
		b.Tool, b.terminalControl = "the terminal", true
		return b, nil
	}
	return nil, missing("there is neither a display nor a terminal, so there is no clipboard", "on a desktop, install xclip, xsel or wl-clipboard")
}

func (b *Board) windows() (*Board, error) {
	b.wide, b.newline = true, true
	// PowerShell writes in the console's code page unless it is told.
	const read = "[Console]::OutputEncoding=[Text.Encoding]::UTF8; Get-Clipboard -Raw"
	paste := []string{"powershell.exe", "-NoProfile", "-NonInteractive", "-Command", read}
	if !b.has("powershell.exe") {
		paste = nil
	}
	return b.with([]string{"clip.exe"}, paste, []string{"clip.exe"}, "clip.exe is missing: it is a part of Windows")
}

func missing(what, fix string) error { return fault.New(fault.Failed, "%s", what).WithFix("%s", fix) }

func (b *Board) has(tools ...string) bool {
	for _, t := range tools {
		if _, err := b.world.LookPath(t); err != nil {
			return false
		}
	}
	return true
}

func (b *Board) with(in, out, empty []string, otherwise string) (*Board, error) {
	if !b.has(in[0]) {
		return nil, fault.New(fault.Failed, "%s", otherwise)
	}
	b.Tool, b.copy, b.paste, b.clear = in[0], in, out, empty
	return b, nil
}

func without(env []string, name string) []string {
	out := make([]string, 0, len(env)+1)
	for _, e := range env {
		if !strings.HasPrefix(e, name+"=") {
			out = append(out, e)
		}
	}
	return out
}
