package dashboard

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// sampleTimeout bounds one sample.
	sampleTimeout = 10 * time.Second
	// watchedFor is how long a page that was asked for counts as watched; a browser that polls comes
	// back sooner.
	watchedFor = 15 * time.Second
	// freshWait is how long a page waits for a new sample when the last one is old.
	freshWait = time.Second
)

// collector samples Redis in one goroutine and publishes frames, from which all requests are served.
type collector struct {
	source
	interval, idle time.Duration
	logger         *slog.Logger

	latest  atomic.Pointer[frame]
	started atomic.Bool
	// streams is how many are open; seen is when a page was last asked for, in ns.
	streams, seen atomic.Int64
	// poked has an entry when someone began to watch.
	poked  chan struct{}
	wishes wishes

	// What follows belongs to the goroutine of run, and slowly to the one that reads what is slow.
	histories map[string]*history
	slowly    *slowReader
	roster    roster
	// known is what the slow reader has brought so far.
	known slow
}

func newCollector(from source, cfg *Config) *collector {
	c := &collector{
		source: from, interval: cfg.Interval, idle: cfg.IdleInterval, logger: cfg.Logger,
		poked: make(chan struct{}, 1), histories: map[string]*history{}, slowly: newSlowReader(from, cfg.Logger),
	}
	c.latest.Store(&frame{replaced: make(chan struct{})})
	return c
}

type sample struct {
	queues []reading
	at     time.Time
	took   time.Duration
	err    error
	// fleet is nil where it could not be read.
	fleet *queue.Fleet
}

// slowSample is what the slow reader brought.
type slowSample struct {
	slow
	news bool
	// wishes are those that it has seen to.
	wishes []wish
}

// run samples until ctx ends, and returns when nothing of it is left.
func (c *collector) run(ctx context.Context) {
	c.publish(func(f *snapshot) { f.running, f.missed, f.err = true, 0, nil })
	defer c.publish(func(f *snapshot) { f.running = false })
	answers, slowAnswers := make(chan sample, 1), make(chan slowSample, 1)
	asking, reading := false, false
	readSlowly := func() {
		if f := c.latest.Load(); !reading && f.missed == 0 && !f.at.IsZero() {
			reading = true
			known := c.known
			go func() { slowAnswers <- c.sampleSlowly(ctx, known, f) }()
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time // long ago, so that whoever pokes first does not put the first sample off
	for {
		select {
		case <-ctx.Done():
			if asking {
				<-answers
			}
			if reading {
				<-slowAnswers
			}
			return
		case <-c.poked:
			readSlowly()
		case s := <-answers:
			asking = false
			c.take(s)
			readSlowly()
		case s := <-slowAnswers:
			reading = false
			c.takeSlowly(s)
			if c.wishes.others(s.wishes) {
				readSlowly()
			}
		case <-timer.C:
			last = time.Now()
			if asking {
				// Redis hangs. It is not asked again before it has answered, but the page has to say so.
				c.miss(nil)
				break
			}
			asking = true
			go func() { answers <- c.sample(ctx) }()
		}
		timer.Reset(time.Until(last.Add(c.pace())))
	}
}

func (c *collector) sample(ctx context.Context) sample {
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	begin := time.Now()
	queues, err := c.queues(ctx)
	s := sample{queues: queues, at: time.Now(), took: time.Since(begin), err: err}
	if err == nil && c.fleet != nil {
		if fleet, err := c.fleet(ctx); err == nil {
			s.fleet = &fleet
		}
	}
	return s
}

func (c *collector) sampleSlowly(ctx context.Context, known slow, f *frame) slowSample {
	var s slowSample
	s.wishes = c.wishes.active()
	s.slow, s.news = c.slowly.next(ctx, known, f, s.wishes)
	return s
}

// take publishes what a sample brought.
func (c *collector) take(s sample) {
	if s.err != nil {
		c.miss(s.err)
		return
	}
	before := c.latest.Load()
	if before.err != nil {
		c.logger.Info("dashboard: redis answers again", slog.Int("missed", before.missed))
	}
	states := make([]queueState, len(s.queues))
	kept := make(map[string]*history, len(s.queues))
	for i, q := range s.queues {
		h := c.histories[q.Name]
		if h == nil {
			h = &history{}
		}
		kept[q.Name] = h
		states[i].reading = q
		if q.err == nil {
			h.add(s.at, &q.QueueInfo)
			states[i].rate, states[i].growth, states[i].rateKnown = h.rate()
			states[i].still, states[i].unmoved = h.still()
		} else if !h.unreadable {
			c.logger.Warn("dashboard: queue cannot be read", slog.String("queue", q.Name), slog.Any("error", q.err))
		}
		h.unreadable = q.err != nil
	}
	c.histories = kept
	c.publish(func(f *snapshot) {
		f.queues, f.at, f.took, f.missed, f.err = states, s.at, s.took, 0, nil
		f.slow = c.known
		f.members = c.roster.follow(s.fleet)
		f.join()
	})
}

// takeSlowly keeps what the slow reader brought for the next frame, and publishes it by itself only where
// someone waits for it.
func (c *collector) takeSlowly(s slowSample) {
	c.known = s.slow
	if s.news {
		c.publish(func(f *snapshot) { f.slow = s.slow; f.queues = slices.Clone(f.queues); f.join() })
	}
}

// miss publishes that a sample is not there; a nil err means that Redis has not answered it yet.
func (c *collector) miss(err error) {
	if before := c.latest.Load().err; err != nil && (before == nil || cause(before).String() != cause(err).String()) {
		c.logger.Warn("dashboard: redis cannot be read", slog.Any("error", err))
	}
	c.publish(func(f *snapshot) {
		f.missed++
		if err != nil {
			f.err = err
		}
	})
}

// publish replaces the latest frame by one with a changed snapshot. Only the goroutine of run calls it.
func (c *collector) publish(change func(*snapshot)) {
	old := c.latest.Load()
	next := &frame{snapshot: old.snapshot, made: time.Now(), replaced: make(chan struct{})}
	change(&next.snapshot)
	c.latest.Store(next)
	close(old.replaced)
}

// pace is the time from one sample to the next.
func (c *collector) pace() time.Duration {
	if c.streams.Load() > 0 || time.Now().UnixNano()-c.seen.Load() < int64(watchedFor) {
		return c.interval
	}
	return c.idle
}

// watch notes that someone looks, so that the next sample does not wait for the idle interval.
func (c *collector) watch() {
	c.seen.Store(time.Now().UnixNano())
	select {
	case c.poked <- struct{}{}:
	default:
	}
}

// fresh returns the latest frame for someone who looks just now: it waits for a sample when the last
// one is from before anyone watched, but not long, because a page that says "stale" is better than
// none.
func (c *collector) fresh(ctx context.Context) *frame {
	c.watch()
	ctx, cancel := context.WithTimeout(ctx, freshWait)
	defer cancel()
	for {
		f := c.latest.Load()
		if f.missed > 0 || (!f.at.IsZero() && time.Since(f.at) <= 2*c.interval) {
			return f
		}
		select {
		case <-f.replaced:
		case <-ctx.Done():
			return f
		}
	}
}
