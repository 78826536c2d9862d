package main

import (
	"net"
	"sync"
	"time"
)

// conn is a connection that knows when it last brought data. The judgement whether it is idle is made
// here, under one lock, so that data and alarm cannot both win.
type conn struct {
	net.Conn
	id string
	// postponed is when the alarm was last moved; only the goroutine that reads uses it.
	postponed time.Time

	mu    sync.Mutex
	heard time.Time
	over  bool
}

// hear notes that data came. It is false when that is too late.
func (c *conn) hear(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.heard = now
	}
	return !c.over
}

// expire ends a connection that was idle for the given time. Otherwise it returns what is left of it.
func (c *conn) expire(now time.Time, idle time.Duration) (left time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left = idle - now.Sub(c.heard)
	if left <= 0 {
		c.over = true
	}
	return left
}

func (c *conn) expired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

func (c *conn) write(p []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err := c.Write(p)
	return err
}
