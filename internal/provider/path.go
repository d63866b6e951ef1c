package provider

import (
	"path/filepath"
	"strings"

	"tacit/internal/settings"
)

// Path returns the file or directory that a setting names: "~/" is the user's home, and a relative one counts from the file that the
// setting stands in, so that it means the same wherever tacit is called from. An empty text stays empty.
func (w World) Path(s *settings.Table, text string) string {
	home, inHome := strings.CutPrefix(text, "~/")
	switch {
	case text == "", filepath.IsAbs(text):
		return text
	case inHome && w.Home != "":
		return filepath.Join(w.Home, home)
	case s.Place.File != "":
		return filepath.Join(filepath.Dir(s.Place.File), text)
	}
	return text
}
