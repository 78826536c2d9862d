package redistest

import "syscall"

// dieWithParent has the kernel kill the server when a panic or a time-out ends
// the test binary before any cleanup runs.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
