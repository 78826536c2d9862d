package dashboard

import (
	"sync"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
)

// snapshot is what is known at one moment.
type snapshot struct {
	// queues are by name, as the last good sample found them.
	queues []queueState
	// at is when that sample was complete, took how long Redis needed for it. Zero: there was none.
	at   time.Time
	took time.Duration
	// missed is how many samples in a row are not there: failed, or not answered when the next was
	// due. err is why the last of them failed, nil when it merely has not answered.
	missed int
	err    error
	// running says that a collector makes newer snapshots.
	running bool
	members
	slow
}

// readable are the names of the queues that could be read.
func (f *snapshot) readable() []string {
	var names []string
	for i := range f.queues {
		if f.queues[i].err == nil {
			names = append(names, f.queues[i].Name)
		}
	}
	return names
}

// join gives each queue what is known of it beside its own numbers.
func (f *snapshot) join() {
	names := make([]string, len(f.queues))
	for i := range f.queues {
		names[i] = f.queues[i].Name
	}
	var crews map[string]crew
	if f.fleetKnown {
		crews = crewsOf(&f.members, names)
	}
	for i := range f.queues {
		q := &f.queues[i]
		q.activity = f.activity[q.Name]
		q.hour = f.hours[q.Name]
		q.hour.dead = max(q.hour.dead, q.five.Dead) // which is read more often
		q.crew = crews[q.Name]
	}
}

// frame is a snapshot for all who ask. It is published once and never changed, so any number of
// requests read it without a lock.
type frame struct {
	snapshot
	// made is when the frame was published, later than at when samples fail.
	made time.Time
	// replaced is closed when there is a newer frame.
	replaced chan struct{}

	judging sync.Once
	judged  verdict
	// rendered are the events that streams have asked for, by page.fragmentKey.
	mu       sync.Mutex
	rendered map[string]rendering
	// scoped are the frames of those who see some of the queues, by their access.Identity.Scope.
	scoped map[string]*frame
}

// queueState is a queue as it was read, what its counters did since the samples before, and what is known of
// it beside.
type queueState struct {
	reading
	rate flow
	// growth is by how many jobs a second ready has grown, still for how long no job was started, and unmoved
	// for how long none was promoted.
	growth         float64
	still, unmoved time.Duration
	rateKnown      bool
	activity
	hour hour
	crew crew
}

type rendering struct {
	html []byte
	err  error
}

// missedUntilStale is how many samples in a row may be missing until the numbers of the last one are
// no longer shown as current.
const missedUntilStale = 3

// stale says whether the numbers are too old to be shown as current. idle is the longest time between
// two samples.
func (f *snapshot) stale(now time.Time, idle time.Duration) bool {
	return !f.running || f.at.IsZero() || f.missed >= missedUntilStale ||
		now.Sub(f.at) > missedUntilStale*idle
}

// of is the frame of the queues that an identity sees. Who sees the same shares it.
func (f *frame) of(id access.Identity) *frame {
	scope := id.Scope()
	if scope == "" {
		return f
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	part := f.scoped[scope]
	if part == nil {
		part = &frame{snapshot: f.snapshot, made: f.made, replaced: f.replaced}
		part.members = f.members.of(id)
		part.queues = nil
		for i := range f.queues {
			if id.Sees(f.queues[i].Name) {
				part.queues = append(part.queues, f.queues[i])
			}
		}
		if f.scoped == nil {
			f.scoped = map[string]*frame{}
		}
		f.scoped[scope] = part
	}
	return part
}

// fragment returns the bytes of a key, which render makes when the first stream asks for them.
func (f *frame) fragment(key string, render func() ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.rendered[key]
	if !ok {
		r.html, r.err = render()
		if f.rendered == nil {
			f.rendered = map[string]rendering{}
		}
		f.rendered[key] = r
	}
	return r.html, r.err
}
