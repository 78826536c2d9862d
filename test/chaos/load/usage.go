package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is what /proc counts processor time in: Linux shows it in hundredths of a second on every machine.
const tick = 10 * time.Millisecond

// CPU is the processor time that the process has spent, by all its threads.
func (p *Process) CPU() (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	stat, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The name of the program, in parentheses, may hold anything; what follows it are numbers, of which
	// the 12th and the 13th are the time in user mode and in the kernel.
	const user, kernel = 11, 12
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= kernel {
		return 0, fmt.Errorf("%s has %d fields", path, len(fields))
	}
	var ticks int64
	for _, field := range [][]byte{fields[user], fields[kernel]} {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}
