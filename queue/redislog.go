package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisLogEvery is how often a line of one kind is passed on.
const redisLogEvery = 10 * time.Second

// redisLog takes the lines of go-redis's log, at the level of details: what went wrong is in the errors of
// our own calls too. While Redis is away there would be one for each dial.
type redisLog struct {
	logger func() *slog.Logger
	mu     sync.Mutex
	// kinds has an entry for each format, of which go-redis has a few dozen.
	kinds map[string]*lineKind
}

type lineKind struct {
	written time.Time
	left    int // out since
}

// Printf is what go-redis calls.
func (l *redisLog) Printf(ctx context.Context, format string, v ...any) {
	left, due := l.next(format)
	if due {
		l.logger().DebugContext(ctx, "go-redis", "line", fmt.Sprintf(format, v...), "left_out", left)
	}
}

// next says whether a line of a kind is to be passed on, and how many were not since the last.
func (l *redisLog) next(format string) (left int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[format]
	switch {
	case k == nil:
		k = &lineKind{}
		l.kinds[format] = k
	case time.Since(k.written) < redisLogEvery:
		k.left++
		return 0, false
	}
	left, k.left, k.written = k.left, 0, time.Now()
	return left, true
}

// The logger of go-redis is the program's to choose, and what it has chosen cannot be read. So ours is
// put there when this package is loaded, before any line of the program runs, and not when a client is
// opened: whatever logger the program sets stays.
var driverLog = func() *redisLog {
	l := &redisLog{logger: slog.Default, kinds: map[string]*lineKind{}}
	redis.SetLogger(l)
	return l
}()
