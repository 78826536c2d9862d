//go:build !linux

package redistest

import "syscall"

// dieWithParent asks for nothing: only Linux can tie a child to its parent. A
// test binary that panics leaves its server behind elsewhere.
func dieWithParent() *syscall.SysProcAttr { return nil }
