//go:build unix && !linux

package redisproc

import "syscall"

// childAttributes keeps Ctrl-C from reaching the server before the benchmark has ended its own work.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
