package access

import (
	"sync"
	"time"
)

const (
	// recentTime is how long a session is believed in that Redis cannot be asked about, recentSessions
	// how many are.
	recentTime     = 15 * time.Minute
	recentSessions = 1024
)

// recent remembers the sessions that Redis knew a while ago.
type recent struct {
	mu  sync.Mutex
	all map[string]remembered
}

type remembered struct {
	id    Identity
	until time.Time
}

func (c *recent) keep(id Identity, now time.Time, left time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.all[id.Session]; !there && len(c.all) >= recentSessions {
		for session := range c.all { // any
			delete(c.all, session)
			break
		}
	}
	c.all[id.Session] = remembered{id, now.Add(min(recentTime, left))}
}

func (c *recent) find(session string, now time.Time) (Identity, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.all[session]
	return r.id, ok && now.Before(r.until)
}

func (c *recent) forget(session string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, session)
}
