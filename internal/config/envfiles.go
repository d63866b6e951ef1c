package config

import (
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"tacit/internal/settings"
)

// readEnvFiles reads the env files that the file names, in any of its profiles, once.
func (f *File) readEnvFiles() {
	if f.envFiles != nil {
		return
	}
	f.envFiles = map[string]EnvFile{}
	read := func(v settings.Value) {
		for _, x := range member1(v.Table, "env_files").List {
			path := envFilePath(x)
			if _, done := f.envFiles[path]; !done && x.Text != "" {
				f.envFiles[path] = readEnvFile(path)
			}
		}
	}
	read(settings.Value{Table: f.root})
	for _, m := range membersOf(member1(f.root, "profiles")) {
		read(m.Value)
	}
}

// EnvFileOf returns the env file that a want is about, read once: what is shown is what becomes trusted.
func (f *File) EnvFileOf(w Want) EnvFile {
	f.readEnvFiles()
	read := f.envFiles[envFilePath(settings.Value{Text: w.Text, Place: w.Place})]
	read.Place = w.Place
	return read
}

// envFilePath returns the path of an env file, which is relative to the file that names it.
func envFilePath(v settings.Value) string {
	if filepath.IsAbs(v.Text) {
		return filepath.Clean(v.Text)
	}
	return filepath.Join(filepath.Dir(v.Place.File), v.Text)
}

// readEnvFile reads an env file under the rules of project files.
func readEnvFile(path string) EnvFile {
	var f File
	text, err := f.readOnce(path)
	switch {
	case err == nil && f.Refused != nil:
		err = f.Refused
	case err == nil && len(text) > maxSize:
		err = fmt.Errorf("%s is larger than 1 MiB", path)
	}
	if err != nil {
		return EnvFile{Path: path, Err: err}
	}
	return EnvFile{Path: path, Text: text}
}

// envFilesHash is SHA-256 over the env files that the file names: of each its path and content, or that there is none.
func (f *File) envFilesHash() (sum [sha256.Size]byte) {
	f.readEnvFiles()
	h := sha256.New()
	all := make([]string, 0, len(f.envFiles))
	for path := range f.envFiles {
		all = append(all, path)
	}
	slices.Sort(all)
	for _, path := range all {
		file := f.envFiles[path]
		content := sha256.Sum256(file.Text)
		_, _ = fmt.Fprintf(h, "%d %s %t %x\n", len(path), path, file.Err == nil, content)
	}
	_, _ = io.WriteString(h, "end\n")
	h.Sum(sum[:0])
	return sum
}
