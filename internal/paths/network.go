package paths

import (
	"os"
	"path/filepath"
)

// Network reports whether path is on a network file system, and the type of its file system where it is known ("nfs",
// "fuse.sshfs"). There file locks and fsync may not mean what they say, and bbolt says not to go there. A path that does not
// exist yet is judged by the nearest directory above it.
func Network(path string) (fstype string, network bool, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", false, err
	}
	for {
		if _, err = os.Stat(path); err == nil || path == filepath.Dir(path) {
			break
		}
		path = filepath.Dir(path)
	}
	if err != nil {
		return "", false, Explain(err, path, "look at %s", path)
	}
	fstype, network, err = fileSystem(path)
	if err != nil {
		return "", false, Explain(err, path, "find the file system of %s", path)
	}
	return fstype, network, nil
}
