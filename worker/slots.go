package worker

import "sync"

// slots counts the handlers that run, for the whole worker and for each queue, and the jobs whose
// handlers have returned but which are not settled yet.
type slots struct {
	mu       sync.Mutex
	limit    int
	limits   map[string]int
	busy     int
	queues   map[string]int
	settling int
	// reserved is how many slots the lease under way may still give back, probing how many of them
	// are for a queue that is likely empty.
	reserved, probing int
	// held says that nothing more may start for now.
	held bool
	// changed has a value after a slot was freed; idle is closed when nothing runs after closing.
	changed chan struct{}
	idle    chan struct{}
	closing bool
}

func newSlots(limit int, limits map[string]int) *slots {
	return &slots{
		limit: limit, limits: limits, queues: map[string]int{},
		changed: make(chan struct{}, 1), idle: make(chan struct{}),
	}
}

// settleFactor is how many jobs may wait to be settled for each slot: enough to overlap running with
// settling, and a bound when Redis is slow.
const settleFactor = 2

// reserve takes up to most slots for a queue and says how many it got; giveBack follows once it is known
// how many are used.
func (s *slots) reserve(queue string, most int, probe bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(s.free(), s.room(queue), most)
	if n <= 0 {
		return 0
	}
	s.busy += n
	s.queues[queue] += n
	s.reserved = n
	if probe {
		s.probing = n
	}
	return n
}

// free is how many more handlers may start, the single queues' limits aside.
func (s *slots) free() int {
	if s.held {
		return 0
	}
	return min(s.limit-s.busy, s.limit*settleFactor-s.settling)
}

func (s *slots) room(queue string) int {
	if limit, ok := s.limits[queue]; ok {
		return limit - s.queues[queue]
	}
	return s.limit
}

// anyFree says whether a handler could start. Slots reserved for a probe count as free: otherwise an idle
// worker would miss hints while it probes, and have to probe again for that.
func (s *slots) anyFree() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.free()+s.probing > 0
}

// hasRoom says whether a handler of the queue could start.
func (s *slots) hasRoom(queue string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(s.free(), s.room(queue)) > 0
}

// mayHaveRoom is hasRoom, with the slots counted in that the lease under way may not use.
func (s *slots) mayHaveRoom(queue string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return min(s.free(), s.room(queue))+s.reserved > 0
}

// giveBack ends what reserve began: n of the slots were not used.
func (s *slots) giveBack(queue string, n int) {
	s.mu.Lock()
	s.busy -= n
	s.queues[queue] -= n
	s.reserved, s.probing = 0, 0
	s.signal()
	s.mu.Unlock()
}

// hold keeps all further handlers from starting, or ends that.
func (s *slots) hold(on bool) {
	s.mu.Lock()
	s.held = on
	s.signal()
	s.mu.Unlock()
}

// returned frees the slot of a handler that has returned; its job is to be settled.
func (s *slots) returned(queue string) {
	s.mu.Lock()
	s.busy--
	s.queues[queue]--
	s.settling++
	s.signal()
	s.mu.Unlock()
}

// settled ends what returned began.
func (s *slots) settled() {
	s.mu.Lock()
	s.settling--
	s.signal()
	s.mu.Unlock()
}

func (s *slots) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
	if s.closing && s.busy == 0 && s.settling == 0 {
		s.closing = false
		close(s.idle)
	}
}

// drained returns a channel that is closed once nothing runs or waits to be settled.
func (s *slots) drained() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	s.signal()
	return s.idle
}
