package envelope

import "io/fs"

const noFollow = 0 // O_EXCL is CREATE_NEW, which fails on a link too

// tooWide cannot tell: Windows has access lists in place of modes, and a home directory's is private.
func tooWide(fs.FileMode) bool { return false }

// syncDir does nothing: NTFS writes directory entries through its journal.
func syncDir(string) error { return nil }

func checkProgram(string) error { return nil }
