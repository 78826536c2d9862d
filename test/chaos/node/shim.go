package node

import (
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed preload/shim.c
var shimSource string

var errNoShim = errors.New("node: start it with Config.Shim for this")

// shim is the library between a redis-server and the disk and the clock.
type shim struct{ library, synced, full, clock string }

// newShim compiles the library into dir.
func newShim(dir string) (*shim, error) {
	s := &shim{
		library: filepath.Join(dir, "shim.so"),
		synced:  filepath.Join(dir, "synced"),
		full:    filepath.Join(dir, "disk-is-full"),
		clock:   filepath.Join(dir, "clock-shift"),
	}
	if err := os.Mkdir(s.synced, 0o700); err != nil {
		return nil, err
	}
	if err := s.shiftClock(0); err != nil {
		return nil, err
	}
	cc := exec.CommandContext(context.Background(), "gcc",
		"-shared", "-fPIC", "-O1", "-o", s.library, "-x", "c", "-", "-ldl")
	cc.Stdin = strings.NewReader(shimSource)
	if out, err := cc.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("node: compile the shim (install gcc with: apt-get install gcc libc6-dev): %w\n%s", err, out)
	}
	return s, nil
}

func (s *shim) env() []string {
	return []string{
		"LD_PRELOAD=" + s.library, "DUEQ_SHIM_SYNCED=" + s.synced, "DUEQ_SHIM_FULL=" + s.full, "DUEQ_SHIM_CLOCK=" + s.clock,
	}
}

// PowerCut kills the server and cuts its append-only files to what was synced
// to disk, and returns how many bytes that took. Restart brings it back.
func (r *Redis) PowerCut() (cut int64, err error) {
	if r.shim == nil {
		return 0, errNoShim
	}
	if err := r.Kill(); err != nil {
		return 0, err
	}
	err = filepath.WalkDir(filepath.Join(r.dir, "appendonlydir"), func(path string, e fs.DirEntry, err error) error {
		// The manifest and the base file are written, synced and renamed.
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".incr.aof") {
			return err
		}
		n, err := r.shim.cut(path)
		cut += n
		return err
	})
	return cut, err
}

// cut cuts a file to what was synced: nothing when it never was.
func (s *shim) cut(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	inode := info.Sys().(*syscall.Stat_t).Ino
	note, err := os.ReadFile(filepath.Join(s.synced, strconv.FormatUint(inode, 10)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	var size int64
	if len(note) == 8 {
		size = int64(binary.NativeEndian.Uint64(note))
	}
	if size >= info.Size() {
		return 0, nil
	}
	return info.Size() - size, os.Truncate(path, size)
}

// FillDisk makes the server's writes to files fail as on a full disk, or ends
// that.
func (r *Redis) FillDisk(full bool) error {
	switch {
	case r.shim == nil:
		return errNoShim
	case full:
		return os.WriteFile(r.shim.full, nil, 0o600)
	default:
		return os.Remove(r.shim.full)
	}
}

// ShiftClock sets the server's clock of the day to that of the machine plus d,
// at once, as by an operator: its monotonic clock goes on.
func (r *Redis) ShiftClock(d time.Duration) error {
	if r.shim == nil {
		return errNoShim
	}
	return r.shim.shiftClock(d)
}

// shiftClock writes 8 bytes in place, since the server has mapped the file.
func (s *shim) shiftClock(d time.Duration) error {
	file, err := os.OpenFile(s.clock, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(d.Nanoseconds())), 0)
	return errors.Join(err, file.Close())
}
