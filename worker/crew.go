package worker

import (
	"sync"
	"time"
)

// crew is the goroutines that run jobs. Jobs are handed in together, and goroutines are woken one by
// one: each wakes the next before it runs its own job, as long as some are left. Every job starts at
// once, yet short jobs, which the first goroutines take one after another, do not wake all of them.
type crew struct {
	mu   sync.Mutex
	jobs []*run
	// waking says that a goroutine is on its way to take a job: so one is whenever there are jobs.
	waking bool
	wake   chan struct{}
	// stopped ends those who wait for jobs.
	stopped <-chan struct{}
	finish  func(*run)
}

func newCrew(stopped <-chan struct{}, finish func(*run)) *crew {
	return &crew{wake: make(chan struct{}), stopped: stopped, finish: finish}
}

// add hands jobs in, with the slice that holds them; they start at once.
func (c *crew) add(jobs []*run) {
	if len(jobs) == 0 {
		return
	}
	c.mu.Lock()
	if len(c.jobs) == 0 {
		c.jobs = jobs
	} else {
		c.jobs = append(c.jobs, jobs...)
	}
	call := !c.waking
	c.waking = true
	c.mu.Unlock()
	if call {
		c.call()
	}
}

// call brings one more goroutine: one that lingers, or a new one.
func (c *crew) call() {
	select {
	case c.wake <- struct{}{}:
	default:
		go c.serve()
	}
}

// lingerTime is how long a goroutine without a job waits for the next one. Reusing it spares growing a
// new stack for each job.
const lingerTime = time.Second

// serve runs jobs until none has come for a while.
func (c *crew) serve() {
	linger := time.NewTimer(lingerTime)
	defer linger.Stop()
	for called := true; ; {
		job := c.take(called)
		if job != nil {
			called = false
			c.finish(job)
			continue
		}
		linger.Reset(lingerTime)
		select {
		case <-c.wake:
			called = true
		case <-linger.C:
			return
		case <-c.stopped:
			return
		}
	}
}

// take returns the next job, or nil, and sees to it that somebody comes for those left. called says that
// the caller is the one who was on its way.
func (c *crew) take(called bool) *run {
	c.mu.Lock()
	if called {
		c.waking = false
	}
	if len(c.jobs) == 0 {
		c.mu.Unlock()
		return nil
	}
	job := c.jobs[0]
	c.jobs[0] = nil
	c.jobs = c.jobs[1:]
	call := len(c.jobs) > 0 && !c.waking
	c.waking = c.waking || call
	c.mu.Unlock()
	if call {
		c.call()
	}
	return job
}
