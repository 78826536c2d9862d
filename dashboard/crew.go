package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// crew is who works on one queue.
type crew struct {
	// known says that workers could be read, and that none of them serves more queues than it says.
	known bool
	// workers are those alive, leasing those of them that take jobs; slots and busy are of those that take
	// jobs, over all queues that they serve.
	workers, leasing, slots, busy int
	// longest is how long the longest job of this queue runs, by workers' clocks.
	longest time.Duration
	// movers is how many schedulers serve the queue.
	movers      int
	moversKnown bool
}

// full says that no worker has a free slot.
func (c *crew) full() bool { return c.leasing > 0 && c.busy >= c.slots }

// shownQueuesOfMember is how many queues a member of the fleet names at most: one that names so many may
// serve more.
const shownQueuesOfMember = 100

// crewsOf sorts those of whom was heard by the queues that they serve. names are all queues.
func crewsOf(m *members, names []string) map[string]crew {
	f, known, moversKnown := &m.fleet, true, true
	out := make(map[string]crew, len(names))
	for i := range f.Workers {
		w := &f.Workers[i]
		if m.silent(&w.Process) {
			continue
		}
		known = known && len(w.Queues) < shownQueuesOfMember
		for name := range w.Queues {
			c := out[name]
			c.workers++
			if w.State == queue.WorkerRunning {
				c.leasing++
				c.slots += w.Concurrency
				c.busy += w.Busy
			}
			out[name] = c
		}
		for _, job := range w.Running {
			c := out[job.Queue]
			c.longest = max(c.longest, m.now.Sub(job.Since))
			out[job.Queue] = c
		}
	}
	for i := range f.Schedulers {
		s := &f.Schedulers[i]
		if m.silent(&s.Process) {
			continue
		}
		moversKnown = moversKnown && len(s.Queues) < shownQueuesOfMember
		for _, name := range s.Queues {
			c := out[name]
			c.movers++
			out[name] = c
		}
	}
	for _, name := range names {
		c := out[name]
		c.known, c.moversKnown = known, moversKnown
		out[name] = c
	}
	return out
}
