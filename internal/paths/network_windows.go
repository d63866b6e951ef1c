package paths

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// fileSystem asks for the type of the drive; a UNC path is remote by its form.
func fileSystem(path string) (string, bool, error) {
	volume := filepath.VolumeName(path)
	if strings.HasPrefix(volume, `\\`) {
		return "unc", true, nil
	}
	root, err := windows.UTF16PtrFromString(volume + `\`)
	if err != nil {
		return "", false, err
	}
	return "", windows.GetDriveType(root) == windows.DRIVE_REMOTE, nil
}
