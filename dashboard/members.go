package dashboard

import (
	"cmp"
	"slices"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

const (
	// silentAfter is how many beats of a member of the fleet may be missing until it is no longer counted on. Redis
	// forgets it after twice as many.
	silentAfter = 5
	// lostFor is how long a worker that is gone without having stopped is shown, and maxLost how many of them.
	lostFor = 15 * time.Minute
	maxLost = 100
)

// members is who was there when a sample was taken.
type members struct {
	// fleetKnown says that they could be read.
	fleetKnown bool
	fleet      queue.Fleet
	// now is Redis's time, by which members are heard of.
	now time.Time
	// gone are workers that were silent before they were gone, the last to do so first.
	gone []queue.WorkerInfo
	// rates are jobs a second over the last rateWindow: done by workers, enqueued by producers, by their IDs.
	// Those seen for the first time have none.
	rates map[string]float64
}

func (m *members) silent(p *queue.Process) bool { return silentAt(p, m.now) }

func silentAt(p *queue.Process, now time.Time) bool { return now.Sub(p.Beat) > silentAfter*p.Every }

// roster remembers who was there before: workers that went silent and are no longer there, and what members
// had done.
type roster struct {
	// last are the workers of the sample before, at that moment.
	last map[string]queue.WorkerInfo
	at   time.Time
	gone []queue.WorkerInfo
	done map[string][]doneBy
}

// doneBy is how many jobs a member had done at a moment.
type doneBy struct {
	at   time.Time
	jobs int64
}

// follow takes note of who was there; nil: that is not known.
func (l *roster) follow(f *queue.Fleet) members {
	if f == nil {
		return members{now: l.at, gone: l.gone}
	}
	now := f.Now
	there := make(map[string]queue.WorkerInfo, len(f.Workers))
	done := make(map[string][]doneBy, len(f.Workers)+len(f.Producers))
	for i := range f.Workers {
		w := &f.Workers[i]
		there[w.ID] = *w
		done[w.ID] = recent(l.done[w.ID], doneBy{now, w.Counts["done"]})
	}
	for i := range f.Producers {
		p := &f.Producers[i]
		done[p.ID] = recent(l.done[p.ID], doneBy{now, p.Enqueued})
	}
	gone := slices.DeleteFunc(slices.Clone(l.gone), func(w queue.WorkerInfo) bool {
		_, back := there[w.ID]
		return back || now.Sub(w.Beat) > lostFor
	})
	for id, w := range l.last {
		// One that stops in order is gone at once.
		if _, ok := there[id]; !ok && silentAt(&w.Process, l.at) {
			gone = append(gone, w)
		}
	}
	slices.SortFunc(gone, func(a, b queue.WorkerInfo) int { return cmp.Or(b.Beat.Compare(a.Beat), cmp.Compare(a.ID, b.ID)) })
	l.last, l.at, l.gone, l.done = there, now, gone[:min(len(gone), maxLost)], done
	return members{fleetKnown: true, fleet: *f, now: now, gone: l.gone, rates: ratesOf(done)}
}

// recent adds to what a member had done, and drops what is older than rateWindow but for one. The slice is
// its own.
func recent(before []doneBy, now doneBy) []doneBy {
	for len(before) > 1 && now.at.Sub(before[1].at) >= rateWindow {
		before = before[1:]
	}
	return append(slices.Clone(before), now)
}

func ratesOf(done map[string][]doneBy) map[string]float64 {
	rates := make(map[string]float64, len(done))
	for id, marks := range done {
		first, last := marks[0], marks[len(marks)-1]
		if seconds := last.at.Sub(first.at).Seconds(); seconds > 0 {
			rates[id] = float64(max(0, last.jobs-first.jobs)) / seconds
		}
	}
	return rates
}

// of is the part of it that concerns queues in sight.
func (m members) of(id access.Identity) members {
	workers := func(all []queue.WorkerInfo) (out []queue.WorkerInfo) {
		for _, w := range all {
			queues := map[string]int{}
			for name, weight := range w.Queues {
				if id.Sees(name) {
					queues[name] = weight
				}
			}
			if len(queues) == 0 {
				continue
			}
			w.Queues = queues
			w.Running = slices.DeleteFunc(slices.Clone(w.Running), func(j queue.RunningJob) bool { return !id.Sees(j.Queue) })
			out = append(out, w)
		}
		return out
	}
	out := m
	out.fleet = queue.Fleet{Now: m.fleet.Now, Workers: workers(m.fleet.Workers)}
	out.gone = workers(m.gone)
	for _, p := range m.fleet.Producers {
		p.Queues = slices.DeleteFunc(slices.Clone(p.Queues), func(q queue.Produced) bool { return !id.Sees(q.Queue) })
		p.Enqueued, p.Rejected = 0, 0 // sums over queues out of sight, too
		for _, q := range p.Queues {
			p.Enqueued += q.Enqueued
			p.Rejected += q.Rejected
		}
		if len(p.Queues) > 0 {
			out.fleet.Producers = append(out.fleet.Producers, p)
		}
	}
	for _, s := range m.fleet.Schedulers {
		s.Queues = slices.DeleteFunc(slices.Clone(s.Queues), func(name string) bool { return !id.Sees(name) })
		if len(s.Queues) > 0 {
			out.fleet.Schedulers = append(out.fleet.Schedulers, s)
		}
	}
	return out
}
