package dashboard

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// redis is what a test's collector reads. Its clock is the bubble's.
type redis struct {
	reads atomic.Int64
	err   atomic.Pointer[error]
	slow  atomic.Int64 // how long an answer takes
	jobs  atomic.Int64 // enqueued so far
}

func (r *redis) read(ctx context.Context) ([]reading, error) {
	r.reads.Add(1)
	if slow := time.Duration(r.slow.Load()); slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if err := r.err.Load(); err != nil && *err != nil {
		return nil, *err
	}
	return []reading{{QueueInfo: queue.QueueInfo{Name: "sms", Counts: map[string]int64{"enqueue": r.jobs.Load()}}}}, nil
}

func (r *redis) fail(err error) { r.err.Store(&err) }

// collecting is a dashboard whose collector runs until the bubble of the test ends.
func collecting(t *testing.T, cfg Config) (*redis, *Dashboard) {
	t.Helper()
	r := &redis{}
	d := fake(t, cfg, r.read)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return r, d
}

// pass lets time go by in the bubble.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
	synctest.Wait()
}

func TestCollectorPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, d := collecting(t, Config{})
		if n := r.reads.Load(); n != 1 {
			t.Fatalf("%d samples at once", n)
		}
		pass(t, time.Minute)
		if n := r.reads.Swap(0); n != 7 {
			t.Errorf("%d samples in the first minute with nobody there, want 7", n)
		}
		d.collector.streams.Add(1)
		d.collector.watch()
		synctest.Wait()
		pass(t, time.Minute)
		if n := r.reads.Swap(0); n < 60 || n > 62 {
			t.Errorf("%d samples in a minute that is watched", n)
		}
		// The last tab has gone: a page that polls still counts for a while.
		d.collector.streams.Add(-1)
		pass(t, time.Minute)
		if n := r.reads.Swap(0); n < 6 || n > 8 {
			t.Errorf("%d samples in the minute after", n)
		}
	})
}

func TestCollectorSamplesAtOnceWhenSomeoneLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, d := collecting(t, Config{})
		pass(t, 9*time.Second)
		before := time.Now()
		f := d.collector.fresh(t.Context())
		if time.Since(before) != 0 || time.Since(f.at) != 0 || r.reads.Load() != 2 {
			t.Errorf("waited %v for a sample that is %v old", time.Since(before), time.Since(f.at))
		}
		// A second look within the second costs nothing.
		if d.collector.fresh(t.Context()) != f || r.reads.Load() != 2 {
			t.Error("every look is a query")
		}
		// Redis that hangs keeps nobody waiting for long.
		pass(t, time.Minute)
		r.slow.Store(int64(time.Hour))
		before = time.Now()
		d.collector.fresh(t.Context())
		if waited := time.Since(before); waited > freshWait {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestCollectorReportsAndForgivesFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, d := collecting(t, Config{})
		d.collector.streams.Add(1)
		d.collector.watch()
		pass(t, 1500*time.Millisecond)
		levelOf := func() level { return judge(d.collector.latest.Load(), time.Now(), &d.cfg).Level }
		r.fail(queue.ErrUnavailable)
		for i, want := range []level{degraded, degraded, down, down} {
			pass(t, time.Second)
			f := d.collector.latest.Load()
			if got := levelOf(); got != want || f.missed != i+1 {
				t.Errorf("after %d failures: %v, missed %d", i+1, got, f.missed)
			}
		}
		if f := d.collector.latest.Load(); len(f.queues) != 1 || !errors.Is(f.err, queue.ErrUnavailable) {
			t.Errorf("the last numbers are gone, or the error: %+v", f)
		}
		r.fail(nil)
		pass(t, time.Second)
		if f := d.collector.latest.Load(); levelOf() != idle || f.missed != 0 || f.err != nil {
			t.Errorf("after recovery: %v, missed %d", levelOf(), f.missed)
		}
	})
}

func TestCollectorDoesNotPileUpOnASlowRedis(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, d := collecting(t, Config{})
		d.collector.streams.Add(1)
		d.collector.watch()
		pass(t, 2500*time.Millisecond)
		r.slow.Store(int64(8 * time.Second))
		r.reads.Store(0)
		pass(t, 6*time.Second)
		f := d.collector.latest.Load()
		if r.reads.Load() != 1 || f.missed < missedUntilStale || !f.stale(time.Now(), d.cfg.IdleInterval) {
			t.Errorf("%d samples at once, %d missed", r.reads.Load(), f.missed)
		}
		pass(t, 3*time.Second)
		if f := d.collector.latest.Load(); f.missed > 1 || time.Since(f.at) > 2*time.Second {
			t.Errorf("the late answer was not taken: missed %d, %v old", f.missed, time.Since(f.at))
		}
		// One that never answers is given up.
		r.slow.Store(int64(time.Hour))
		pass(t, 30*time.Second)
		if f := d.collector.latest.Load(); !errors.Is(f.err, context.DeadlineExceeded) {
			t.Errorf("error %v", f.err)
		}
	})
}

func TestCollectorRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, d := collecting(t, Config{})
		d.collector.streams.Add(1)
		d.collector.watch()
		for range 30 {
			r.jobs.Add(7)
			pass(t, time.Second)
		}
		q := d.collector.latest.Load().queues[0]
		if !q.rateKnown || q.rate.In < 6.9 || q.rate.In > 7.1 {
			t.Errorf("rate %v of 7 a second", q.rate.In)
		}
	})
}

func TestRunTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := fake(t, Config{}, (&redis{}).read)
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- d.Run(ctx) }()
			synctest.Wait()
			if err := d.Run(ctx); !errors.Is(err, errRunning) {
				t.Errorf("a second Run beside the first: %v", err)
			}
			if f := d.collector.latest.Load(); !f.running || f.missed != 0 {
				t.Errorf("running: %+v", f)
			}
			cancel()
			if err := <-ended; err != nil || d.collector.latest.Load().running {
				t.Errorf("after the end: %v", err)
			}
		}
	})
}
