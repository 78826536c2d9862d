package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/dueq-io/dueq/test/chaos/history"
	"github.com/dueq-io/dueq/test/chaos/mutant"
)

// Fleet is the processes of one run. Close ends them all.
type Fleet struct {
	URL   string
	Queue string
	Lease time.Duration
	// Binary is the program to run again; a mutant's is another. A clock that is off takes one that
	// package mutant has built. Default: this one.
	Binary string

	dir    string
	seen   *history.Writer
	mu     sync.Mutex
	number uint16
	all    []*Process
}

// NewFleet makes a Fleet for the queue at a URL, with a directory for its histories.
func NewFleet(url string, lease time.Duration) (*Fleet, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dueq-chaos-")
	if err != nil {
		return nil, err
	}
	seen, err := history.Create(dir, 0)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Fleet{URL: url, Queue: "chaos", Lease: lease, Binary: binary, dir: dir, seen: seen}, nil
}

// Process is one worker or producer.
type Process struct {
	Number uint16
	// Takes is how long a producer needs at the least, by its rate; 0 for a worker.
	Takes time.Duration
	fleet *Fleet
	cmd   *exec.Cmd
	done  chan struct{}
	err   error // set before done is closed
}

// Worker starts a worker process.
func (f *Fleet) Worker(cfg WorkerConfig) (*Process, error) {
	return f.start(settings{Worker: &cfg, Clock: cfg.Clock})
}

// Producer starts a producer process, which ends when its jobs are in.
func (f *Fleet) Producer(cfg ProducerConfig) (*Process, error) {
	p, err := f.start(settings{Producer: &cfg, Clock: cfg.Clock})
	if err == nil {
		p.Takes = cfg.takes()
	}
	return p, err
}

// Processes are all that were started.
func (f *Fleet) Processes() []*Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.all)
}

func (f *Fleet) start(s settings) (*Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.number++
	s.Number, s.Dir, s.URL, s.Queue, s.Lease = f.number, f.dir, f.URL, f.Queue, f.Lease
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), f.Binary) // it ends by Close, not by a context
	p := &Process{Number: s.Number, fleet: f, cmd: cmd, done: make(chan struct{})}
	log, err := os.Create(p.logPath())
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Env = append(os.Environ(), env+"="+string(text), mutant.ClockEnv+"="+strconv.FormatInt(int64(s.Clock/time.Second), 10))
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own keeps the terminal's Ctrl-C from it; the kernel ends it with its parent.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go p.standBy(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s again as a child: %w", f.Binary, err)
	}
	f.all = append(f.all, p)
	return p, nil
}

// standBy stays on the thread that started the child: the signal of the parent's death is sent when
// that thread ends, not the process.
func (p *Process) standBy(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
	}
}

// Kill ends the process with SIGKILL and returns when it is gone.
func (p *Process) Kill() error {
	p.note(history.WorkerKilled)
	return p.end(syscall.SIGKILL)
}

// Lost notes that the process ended by itself, by what a job did to it.
func (p *Process) Lost() { p.note(history.WorkerKilled) }

// Stop asks the process to end, by SIGTERM, and returns when it has.
func (p *Process) Stop() error {
	p.note(history.WorkerStopping)
	if err := p.end(syscall.SIGTERM); err != nil {
		return err
	}
	return p.Wait()
}

// Pause stops the process where it stands.
func (p *Process) Pause() error {
	p.note(history.WorkerPaused)
	return p.cmd.Process.Signal(syscall.SIGSTOP)
}

// Resume lets a stopped process go on, and returns when that was by the clock of the histories.
func (p *Process) Resume() (int64, error) {
	p.note(history.WorkerResumed)
	return history.Now(), p.cmd.Process.Signal(syscall.SIGCONT)
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait returns when the process has ended: nil if it ended well, otherwise an error with the end of
// what it wrote.
func (p *Process) Wait() error {
	<-p.done
	if p.err == nil {
		return nil
	}
	text, _ := os.ReadFile(p.logPath())
	return fmt.Errorf("process %d: %w: %s", p.Number, p.err, text[max(0, len(text)-500):])
}

func (p *Process) end(sig syscall.Signal) error {
	err := p.cmd.Process.Signal(sig)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.done
	return nil
}

func (p *Process) logPath() string {
	return filepath.Join(p.fleet.dir, fmt.Sprintf("%05d.log", p.Number))
}

func (p *Process) note(what history.Type) {
	p.fleet.seen.Add(history.Record{Type: what, Worker: p.Number})
}

// RedisFault notes that Redis is being broken, RedisHealed that it is whole again.
func (f *Fleet) RedisFault() { f.seen.Add(history.Record{Type: history.RedisFault}) }

// RedisHealed is the end of RedisFault.
func (f *Fleet) RedisHealed() { f.seen.Add(history.Record{Type: history.RedisHealed}) }

// ShiftClock notes that shift makes Redis's clock jump by some whole ms.
func (f *Fleet) ShiftClock(by time.Duration, shift func() error) error {
	f.seen.Add(history.Record{Type: history.ClockShifting, Aux: int32(by.Milliseconds())})
	defer f.seen.Add(history.Record{Type: history.ClockShifted})
	return shift()
}

// History returns what all processes have written so far.
func (f *Fleet) History() ([]history.Record, error) { return history.Read(f.dir) }

// Close kills what still runs and removes the histories.
func (f *Fleet) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, p := range f.all {
		errs = append(errs, p.end(syscall.SIGKILL))
	}
	return errors.Join(append(errs, f.seen.Close(), os.RemoveAll(f.dir))...)
}
