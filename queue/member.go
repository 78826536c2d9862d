package queue

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// membership lets the program of a Client be seen by Inspector.Fleet: one command every Config.Beat says what all
// workers and schedulers of the client do, and what it has enqueued. Nothing depends on it: a beat that fails
// is a beat that is missing.
type membership struct {
	c       *Client
	process Process
	// producing says that the client has enqueued, so that it is seen without a worker too.
	producing atomic.Bool

	// beating is held while a record is made and sent, so that none overtakes a later one.
	beating sync.Mutex
	known   bool
	// introduced says that the fleet has the program since its key was last seen to be there.
	introduced bool
	last       map[string]Produced

	mu         sync.Mutex
	joined     int
	workers    []*joinedWorker
	schedulers []*joinedScheduler
	closed     bool
	// poke makes the loop beat at once; stop ends it, and ended is closed then. They are nil while there is none.
	poke  chan struct{}
	stop  context.CancelFunc
	ended chan struct{}
}

type joinedWorker struct {
	id, name string
	report   func() WorkerReport
	wish     func(WorkerState)
}

type joinedScheduler struct{ report func() SchedulerReport }

func newMembership(c *Client) *membership {
	host, _ := os.Hostname() // without one, the PID has to do
	return &membership{c: c, last: map[string]Produced{}, process: Process{
		ID: newID(), Name: c.cfg.Name, Host: host, PID: os.Getpid(), Version: moduleVersion(), Started: time.Now(),
		Every: c.cfg.Beat,
	}}
}

const modulePath = "github.com/dueq-io/dueq"

// moduleVersion is the version of dueq in this program, "" where the toolchain did not note it.
var moduleVersion = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == modulePath {
			return m.Version
		}
	}
	return ""
})

// JoinWorker lets a worker be seen by Inspector.Workers, and be asked by QuietWorker and StopWorker, until
// leave is called, which takes at most a second. report is asked at each Config.Beat; wish is called with
// WorkerQuiet or WorkerStopping when an operator asks for it. Neither may block. A Redis that cannot be written
// makes the worker invisible and nothing else.
func (b *Broker) JoinWorker(name string, report func() WorkerReport, wish func(WorkerState)) (leave func()) {
	m := b.c.member
	w := &joinedWorker{name: cut(strings.ToValidUTF8(name, ""), maxMemberName), report: report, wish: wish}
	m.mu.Lock()
	m.joined++
	w.id = m.process.ID + "/" + strconv.Itoa(m.joined)
	m.workers = append(m.workers, w)
	m.start(0)
	m.mu.Unlock()
	return sync.OnceFunc(func() {
		m.leave(func() {
			m.workers = slices.DeleteFunc(m.workers, func(other *joinedWorker) bool { return other == w })
		})
	})
}

// JoinScheduler lets a scheduler be seen by Inspector.Schedulers until leave is called.
func (b *Broker) JoinScheduler(report func() SchedulerReport) (leave func()) {
	m := b.c.member
	s := &joinedScheduler{report: report}
	m.mu.Lock()
	m.schedulers = append(m.schedulers, s)
	m.start(0)
	m.mu.Unlock()
	return sync.OnceFunc(func() {
		m.leave(func() {
			m.schedulers = slices.DeleteFunc(m.schedulers, func(other *joinedScheduler) bool { return other == s })
		})
	})
}

// maxMemberName is the length of names in bytes.
const maxMemberName = 128

// produce notes that the client enqueues. A program that ends within a second is not worth a record.
func (m *membership) produce() {
	if m.producing.Load() || m.producing.Swap(true) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.start(m.c.cfg.Beat)
}

// start starts the loop, or makes it beat at once. m.mu is held.
func (m *membership) start(wait time.Duration) {
	switch {
	case m.closed:
	case m.stop == nil:
		ctx, cancel := context.WithCancel(context.Background())
		m.poke, m.stop, m.ended = make(chan struct{}, 1), cancel, make(chan struct{})
		go m.run(ctx, wait, m.poke, m.ended)
	case wait == 0:
		select {
		case m.poke <- struct{}{}:
		default:
		}
	}
}

// failed logs why a beat failed, unless another loop of the client has just said that Redis is away.
func (m *membership) failed(err error) {
	if _, err := classify(err); errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknown) {
		if !m.c.outage.OutageDue() {
			return
		}
	}
	m.c.cfg.Logger.Warn("the program is not seen: its beat failed", slog.Any("error", err))
}

func (m *membership) run(ctx context.Context, wait time.Duration, poke, ended chan struct{}) {
	defer close(ended)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-poke:
		case <-timer.C:
		}
		err := m.beat(ctx)
		if errors.Is(err, redis.ErrClosed) {
			return // the caller's go-redis client, closed before ours
		}
		if err != nil && !failing && ctx.Err() == nil {
			m.failed(err)
		}
		failing = err != nil
		timer.Reset(m.c.cfg.Beat)
	}
}

// leave takes a member away and says so: what is left beats at once, and a program of which nothing is left
// is gone at once.
func (m *membership) leave(remove func()) {
	m.mu.Lock()
	remove()
	alone := len(m.workers)+len(m.schedulers) == 0 && !m.producing.Load()
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if alone {
		m.end(ctx)
		return
	}
	_ = m.beat(ctx) // what failed is said by the next one
}

// close ends all that is left, for good.
func (m *membership) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	m.end(ctx)
}

// end ends the loop and removes what the program has said of itself. What cannot be removed is gone after its
// time.
func (m *membership) end(ctx context.Context) {
	m.mu.Lock()
	stop, ended := m.stop, m.ended
	m.stop = nil
	m.mu.Unlock()
	if stop != nil {
		stop()
		<-ended
	}
	m.beating.Lock()
	defer m.beating.Unlock()
	if !m.known {
		return
	}
	m.known, m.introduced = false, false
	pipe := m.c.rdb.Pipeline()
	pipe.Del(ctx, beatKey(m.c.cfg.Namespace, m.process.ID))
	pipe.ZRem(ctx, fleetKey(m.c.cfg.Namespace), m.process.ID)
	_, _ = pipe.Exec(ctx)
}
