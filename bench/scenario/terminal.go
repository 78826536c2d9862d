package scenario

import "os"

// IsTerminal reports whether somebody may be watching.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
