package redisproc

import "syscall"

// childAttributes keeps Ctrl-C from reaching the server before the benchmark has ended its own work,
// and makes the kernel end the server should the benchmark itself be killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
