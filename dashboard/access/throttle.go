package access

import (
	"hash/maphash"
	"sync"
	"time"
)

// buckets is how many token buckets a throttle has. Keys that fall into the same one share it, so that
// memory stays the same whoever knocks.
const buckets = 1 << 14

// throttle lets each key try burst times at once, and then once every so often.
type throttle struct {
	burst int
	every time.Duration
	seed  maphash.Seed

	mu sync.Mutex
	// full is when each bucket will have all its tokens again.
	full [buckets]time.Time
}

func newThrottle(burst int, every time.Duration) *throttle {
	return &throttle{burst: burst, every: every, seed: maphash.MakeSeed()}
}

// take takes a token of the key. Where there is none it takes nothing, and says how long to wait for one.
func (t *throttle) take(key string, now time.Time) (wait time.Duration) {
	full := &t.full[maphash.String(t.seed, key)%buckets]
	t.mu.Lock()
	defer t.mu.Unlock()
	next := now
	if full.After(now) {
		next = *full
	}
	next = next.Add(t.every)
	if wait := next.Sub(now) - time.Duration(t.burst)*t.every; wait > 0 {
		return wait
	}
	*full = next
	return 0
}

// giveBack returns a token that was taken.
func (t *throttle) giveBack(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	full := &t.full[maphash.String(t.seed, key)%buckets]
	*full = full.Add(-t.every)
}
