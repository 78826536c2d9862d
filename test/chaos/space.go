package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The room that the histories and the append-only files of a run take at most.
const (
	smokeSpace = 512 << 20
	fullSpace  = 8 << 30
)

// checkSpace refuses a run that would fill the disk of its histories half-way.
func checkSpace(need uint64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &fs); err != nil {
		return fmt.Errorf("look at the free space of %s: %w", os.TempDir(), err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < need {
		return fmt.Errorf("%s has %d MB free and a run needs %d: free some, or set TMPDIR to another disk",
			os.TempDir(), free>>20, need>>20)
	}
	return nil
}
