package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

const logName = "server.log"

// child is one run of a server. done is closed once it has ended.
type child struct {
	*os.Process
	done chan struct{}
}

// launch starts a program in dir, with env added to this process's own.
func launch(dir string, env []string, name string, args ...string) (*child, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("node: %s is not here: install it with: apt-get install redis-server", name)
	}
	log, err := os.OpenFile(filepath.Join(dir, logName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// No context ends a server: it outlives the call that started it.
	cmd := exec.CommandContext(context.Background(), path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), env...)
	// A group of its own keeps the terminal's Ctrl-C from it, so that what
	// ends it is always this package.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	started := make(chan error)
	done := make(chan struct{})
	go standBy(cmd, started, done)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("node: start %s: %w", name, err)
	}
	return &child{Process: cmd.Process, done: done}, nil
}

// standBy stays on the thread that started cmd until it ends: Linux sends the
// parent-death signal when that thread ends, not the process.
func standBy(cmd *exec.Cmd, started chan<- error, done chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(done)
	err := cmd.Start()
	started <- err
	if err == nil {
		_ = cmd.Wait() // a killed server is no error here
	}
}

// signal signals the child; one that has already gone is no error.
func (c *child) signal(sig syscall.Signal) error {
	if err := c.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("node: %v to pid %d: %w", sig, c.Pid, err)
	}
	return nil
}

// kill ends the child and returns when it is gone.
func (c *child) kill() error {
	if err := c.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-c.done
	return nil
}

// logTail returns the end of the log, where the reason for an exit stands.
func logTail(dir string) string {
	const size = 2048
	log, err := os.ReadFile(filepath.Join(dir, logName))
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(log[max(0, len(log)-size):])
}
