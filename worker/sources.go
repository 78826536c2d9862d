package worker

import (
	"slices"
	"sync"
	"time"
)

// sources chooses the queue to lease from next. A queue is hot while it may have jobs: it was hinted
// at, or the last lease left some.
type sources struct {
	mu     sync.Mutex
	queues []*source
	strict bool
	// heated has a value after a queue became hot.
	heated chan struct{}
}

type source struct {
	name   string
	weight int
	hot    bool
	// unheard says that nobody waited for its hints meanwhile, as the worker was busy: they may have
	// gone to others.
	unheard bool
	// owed says that this worker took a hint of it and has not asked it since.
	owed bool
	// credit orders the turns: every pick adds its weight to each queue that could have been picked
	// and takes the sum of them from the one that was.
	credit int
	asked  time.Time
}

// probeAfter is how often a queue that seems empty is asked while the worker is busy.
const probeAfter = 50 * time.Millisecond

func newSources(weights map[string]int, strict bool) *sources {
	s := &sources{strict: strict, heated: make(chan struct{}, 1)}
	for name, weight := range weights {
		s.queues = append(s.queues, &source{name: name, weight: weight, hot: true})
	}
	slices.SortFunc(s.queues, func(a, b *source) int {
		if a.weight != b.weight {
			return b.weight - a.weight
		}
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return s
}

// pick chooses among the hot queues, and those unheard and not asked for a while, for which usable
// holds; "" says that there is none. probe says that the queue is not hot.
func (s *sources) pick(now time.Time, usable func(queue string) bool) (name string, probe bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var best *source
	total := 0
	for _, q := range s.queues {
		if !q.due(now) || !usable(q.name) {
			continue
		}
		if s.strict {
			return q.take(now)
		}
		q.credit += q.weight
		total += q.weight
		if best == nil || q.credit > best.credit {
			best = q
		}
	}
	if best == nil {
		return "", false
	}
	best.credit -= total
	return best.take(now)
}

// due says whether the queue is to be asked: it is hot, or a hint of it may have gone to others.
func (q *source) due(now time.Time) bool {
	return q.hot || q.unheard && now.Sub(q.asked) >= probeAfter
}

// take makes the queue cold before it is asked, so that a hint which comes meanwhile counts.
func (q *source) take(now time.Time) (name string, probe bool) {
	probe = !q.hot
	q.asked, q.hot, q.unheard, q.owed = now, false, false, false
	return q.name, probe
}

// miss notes that nobody waits for the hints of the named queues now.
func (s *sources) miss(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.queues {
		q.unheard = q.unheard || slices.Contains(names, q.name)
	}
}

// hint notes a hint that this worker took: the named queue has jobs.
func (s *sources) hint(name string) {
	s.mu.Lock()
	for _, q := range s.queues {
		q.owed = q.owed || q.name == name
	}
	s.mu.Unlock()
	s.heat(name)
}

// debts returns the queues whose hints this worker took but cannot follow, as usable does not hold.
// They are its own no longer.
func (s *sources) debts(usable func(queue string) bool) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.queues {
		if q.owed && !usable(q.name) {
			q.owed = false
			names = append(names, q.name)
		}
	}
	return names
}

// heat notes that the named queues, or all of them, may have jobs.
func (s *sources) heat(names ...string) {
	s.mu.Lock()
	for _, q := range s.queues {
		if len(names) == 0 || slices.Contains(names, q.name) {
			q.hot = true
		}
	}
	s.mu.Unlock()
	select {
	case s.heated <- struct{}{}:
	default:
	}
}
