package dashboard

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// wish is something that a page shows and that is read only while someone looks at it.
type wish struct {
	what wished
	// queue is whose; empty: of every queue.
	queue string
	// span names a reach of the horizon, or a range of the series.
	span string
}

type wished int8

const (
	wishHorizon wished = iota + 1
	wishSeries
	// wishOverview is for what failed jobs have in common, and for alerts.
	wishOverview
)

func (w wish) every() time.Duration {
	if w.queue == "" {
		return wishOfAllEvery
	}
	return wishEvery
}

// queues are the arguments for the inspector.
func (w wish) queues() []string {
	if w.queue == "" {
		return nil
	}
	return []string{w.queue}
}

// wishWait is how long a page waits for what it wishes for: without, it is complete but for that part, which
// the stream brings.
const wishWait = 300 * time.Millisecond

// maxWishes bounds what can be asked of Redis at once, by however many tabs: those asked for last.
const maxWishes = 32

// wishes are what pages have asked for, and when they last did.
type wishes struct {
	mu    sync.Mutex
	asked map[wish]time.Time
}

func (ws *wishes) add(all []wish) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.asked == nil {
		ws.asked = map[wish]time.Time{}
	}
	for _, w := range all {
		ws.asked[w] = time.Now()
	}
}

// active are the wishes of those who still look, the newest first.
func (ws *wishes) active() []wish {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	var out []wish
	for w, at := range ws.asked {
		if time.Since(at) > watchedFor {
			delete(ws.asked, w)
			continue
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b wish) int {
		return cmp.Or(ws.asked[b].Compare(ws.asked[a]), cmp.Compare(a.queue, b.queue), cmp.Compare(a.span, b.span))
	})
	for _, w := range out[min(len(out), maxWishes):] {
		delete(ws.asked, w)
	}
	return out[:min(len(out), maxWishes)]
}

// others says whether something was wished for beside the wishes given.
func (ws *wishes) others(known []wish) bool {
	return slices.ContainsFunc(ws.active(), func(w wish) bool { return !slices.Contains(known, w) })
}

// granted says whether a frame has what was wished for.
func (f *frame) granted(all []wish) bool {
	return !slices.ContainsFunc(all, func(w wish) bool {
		_, horizon := f.horizons[w]
		_, series := f.series[w]
		return !horizon && !series && w.what != wishOverview // which no page waits for
	})
}

// wish returns a frame that has what a page wishes for, or the latest when that takes too long. Someone who
// looks on has to wish again before watchedFor is over.
func (c *collector) wish(ctx context.Context, all []wish) *frame {
	c.wishes.add(all)
	f := c.latest.Load()
	if f.granted(all) || !f.running || f.missed > 0 || f.at.IsZero() {
		return f
	}
	c.watch()
	ctx, cancel := context.WithTimeout(ctx, wishWait)
	defer cancel()
	for !f.granted(all) {
		select {
		case <-f.replaced:
			f = c.latest.Load()
		case <-ctx.Done():
			return f
		}
	}
	return f
}

// horizon is what is due in a queue, or in all of them in sight; nil when it is not read yet.
func (f *frame) horizon(name, span string) *horizon {
	within := reachOf(span)
	parts, known := f.horizons[wish{wishHorizon, name, within.name}]
	if !known {
		return nil
	}
	h := &horizon{reach: within, queue: name}
	states := make(map[string]*queueState, len(f.queues))
	for i := range f.queues {
		states[f.queues[i].Name] = &f.queues[i]
	}
	for i := range parts {
		if q := states[parts[i].Queue]; q != nil { // one out of sight has none
			h.add(&parts[i], q.Ready, q.hour.best, q.Paused)
		}
	}
	return h
}

// horizonChart is a horizon as a chart; nil when it is not read yet.
func (f *frame) horizonChart(name, span string, stale bool) *horizonChart {
	h := f.horizon(name, span)
	if h == nil {
		return nil
	}
	chart := h.chart()
	chart.Stale = stale
	return &chart
}
