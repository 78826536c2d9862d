// Package outage keeps a process whose Redis is away from saying so over and over.
package outage

import (
	"sync/atomic"
	"time"
)

// Every is how often a line may say that Redis is away: it is one thing to say, not one for each loop
// that finds it out.
const Every = 5 * time.Second

// Log is when a line last said that Redis is away. The zero Log is ready.
type Log struct{ told atomic.Int64 }

// OutageDue says whether the next line is to be written, and that it is.
func (l *Log) OutageDue() bool {
	now, told := time.Now().UnixNano(), l.told.Load()
	return now-told >= int64(Every) && l.told.CompareAndSwap(told, now)
}
