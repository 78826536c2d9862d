package dashboard

import (
	"context"
	"sync"
)

const (
	// requestsAtOnce is how many requests of one session are answered at once, and streamsAtOnce how
	// many streams: a browser opens no more than six connections.
	requestsAtOnce = 4
	streamsAtOnce  = 8
)

// limiter bounds what is under way at once for each key. It keeps nothing of a key for which nothing is.
type limiter struct {
	atOnce int
	mu     sync.Mutex
	places map[string]*places
}

type places struct {
	// taken has an entry for each place; users is how many hold one or wait.
	taken chan struct{}
	users int
}

func newLimiter(atOnce int) *limiter { return &limiter{atOnce: atOnce, places: map[string]*places{}} }

// enter waits for a place until ctx ends, which ok says it has not. Whoever got one calls leave. An
// empty key has no limit.
func (l *limiter) enter(ctx context.Context, key string) (leave func(), ok bool) {
	if key == "" {
		return func() {}, true
	}
	l.mu.Lock()
	p := l.places[key]
	if p == nil {
		p = &places{taken: make(chan struct{}, l.atOnce)}
		l.places[key] = p
	}
	p.users++
	l.mu.Unlock()
	done := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if p.users--; p.users == 0 {
			delete(l.places, key)
		}
	}
	select {
	case p.taken <- struct{}{}:
		return func() { <-p.taken; done() }, true
	default:
	}
	select {
	case p.taken <- struct{}{}:
		return func() { <-p.taken; done() }, true
	case <-ctx.Done():
		done()
		return nil, false
	}
}
