package scheduler_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

// consume leases what becomes ready until it has n jobs. To ack them would take longer than to move them.
func consume(ctx context.Context, c *queue.Client, n int, got func(d *queue.Delivery, at time.Time)) error {
	b := c.Broker()
	for n > 0 {
		all, more, err := b.Lease(ctx, "q", 100, time.Minute)
		at := time.Now()
		if err != nil {
			return err
		}
		for _, d := range all {
			got(d, at)
		}
		if n -= len(all); n > 0 && !more {
			if _, err := b.WaitReady(ctx, []string{"q"}, time.Second); err != nil {
				return err
			}
		}
	}
	return nil
}

// Jobs with all kinds of delays, across each other: none is early, by Redis's clock and by ours.
func TestNeverEarlyAndPrompt(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		const jobs = 400
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		run(t, c, scheduler.Config{})
		var late []time.Duration
		done := make(chan error, 1)
		go func() {
			done <- consume(ctx, c, jobs, func(d *queue.Delivery, at time.Time) {
				if d.LeasedAt.Before(d.Due) {
					t.Errorf("leased %v before it was due", d.Due.Sub(d.LeasedAt))
				}
				if asked, err := time.Parse(time.RFC3339Nano, string(d.Payload)); err != nil || at.Before(asked) {
					t.Errorf("came %v before its time, %v", asked.Sub(at), err)
				}
				late = append(late, d.Lateness())
			})
		}()
		for i := range jobs {
			delay := time.Duration(i*7919%1500) * time.Millisecond
			asked := time.Now().Add(delay).Format(time.RFC3339Nano)
			enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: delay, Payload: []byte(asked)})
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		slices.Sort(late)
		p50, p99 := late[len(late)/2], late[len(late)*99/100]
		t.Logf("lateness p50 %v, p99 %v, most %v", p50, p99, late[len(late)-1])
		// A mover that polls each second, or that sleeps through a hint, is far above that.
		if p50 > 250*time.Millisecond {
			t.Errorf("half of the jobs were more than %v late", p50)
		}
	})
}

func TestEarlierJobWakesTheMover(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		run(t, c, scheduler.Config{})
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour})
		redistest.Eventually(t, patience, func() bool { return info(t, c).Delayed == 1 })
		for range 3 {
			enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: 50 * time.Millisecond})
			d := lease(t, c, 1, time.Minute)[0]
			if late := d.Lateness(); late < 0 || late > 2*time.Second {
				t.Errorf("%v late: that was the sweep, not the hint", late)
			}
		}
	})
}

// What else makes a job due earlier wakes the mover too: a reschedule, a retry, a snooze.
func TestEarlierDueTimeWakesTheMover(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		run(t, c, scheduler.Config{})
		b := c.Broker()
		id := enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour})[0]
		for name, sooner := range map[string]func(d *queue.Delivery) error{
			"reschedule": func(d *queue.Delivery) error {
				if err := b.Snooze(t.Context(), d, time.Hour); err != nil {
					return err
				}
				return c.Reschedule(t.Context(), "q", id, 50*time.Millisecond)
			},
			"retry":  func(d *queue.Delivery) error { return b.Retry(t.Context(), d, 50*time.Millisecond, nil) },
			"snooze": func(d *queue.Delivery) error { return b.Snooze(t.Context(), d, 50*time.Millisecond) },
		} {
			if err := c.Reschedule(t.Context(), "q", id, 0); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := sooner(lease(t, c, 1, time.Minute)[0]); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			d := lease(t, c, 1, time.Minute)[0]
			if late := d.Lateness(); late < 0 || late > 2*time.Second {
				t.Errorf("%s: %v late: that was the sweep, not the hint", name, late)
			}
			if err := b.Snooze(t.Context(), d, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestNewQueueIsServed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		run(t, c, scheduler.Config{})
		<-time.After(200 * time.Millisecond) // it has read the empty list of queues
		began := time.Now()
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: 50 * time.Millisecond})
		lease(t, c, 1, time.Minute)
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("promoted after %v: that was the list, not the hint", took)
		}
	})
}

// Any number of schedulers may run: each job is moved once.
func TestManySchedulersMoveEachJobOnce(t *testing.T) {
	t.Parallel()
	const fleet, jobs = 4, 3000
	namespace := redistest.Prefix(t)
	c := open(t, redistest.URL(t), namespace)
	due := time.Now().Add(1500 * time.Millisecond)
	enqueue(t, c, times(jobs, queue.Job{Queue: "q", Kind: "k", Due: due})...)
	var all []*scheduler.Scheduler
	for range fleet {
		s, _ := run(t, open(t, redistest.URL(t), namespace), scheduler.Config{})
		all = append(all, s)
	}
	redistest.Eventually(t, patience, func() bool { return info(t, c).Delayed == 0 }, "not all jobs were promoted")
	q := info(t, c)
	if q.Ready != jobs || q.Counts["promote"] != jobs {
		t.Errorf("%d ready, %d promotions counted, want %d", q.Ready, q.Counts["promote"], jobs)
	}
	seen := map[string]bool{}
	for range jobs / 100 {
		for _, d := range lease(t, c, 100, time.Minute) {
			if seen[d.ID] || d.LeasedAt.Before(d.Due) {
				t.Errorf("job %s was moved twice, or early", d.ID)
			}
			seen[d.ID] = true
		}
	}
	if q := info(t, c); q.Ready != 0 || q.Leased != jobs {
		t.Errorf("%d ready, %d leased", q.Ready, q.Leased)
	}
	var moved int64
	redistest.Eventually(t, patience, func() bool {
		moved = 0
		for _, s := range all {
			moved += s.Stats().Promoted
		}
		return moved == jobs
	}, "the schedulers count %d moves", moved)
}

// A hint can be lost with the process that took it: the sweep finds what is due.
func TestLostHintIsHealed(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.URL(t), redistest.Prefix(t))
	rdb := redistest.Client(t)
	run(t, c, scheduler.Config{})
	id := enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: time.Hour})[0]
	tick := c.Namespace() + ":{q}:tick"
	redistest.Eventually(t, patience, func() bool { return rdb.Exists(t.Context(), tick).Val() == 0 }, "the hint was not taken")
	<-time.After(100 * time.Millisecond) // and was followed
	// Due now, without a hint.
	now := float64(time.Now().UnixMilli())
	if err := rdb.ZAddXX(t.Context(), c.Namespace()+":{q}:delayed", redis.Z{Score: now, Member: id}).Err(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	lease(t, c, 1, time.Minute)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("found after %v, want within 3s", took)
	}
}

// Every queue has its mover: one with many due jobs does not hold up the others.
func TestManyQueues(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, c *queue.Client) {
		s, _ := run(t, c, scheduler.Config{})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				job := queue.Job{Queue: "q" + strconv.Itoa(i), Kind: "k", Delay: time.Duration(i*20) * time.Millisecond}
				if _, err := c.EnqueueMany(t.Context(), times(20, job)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		redistest.Eventually(t, patience, func() bool {
			queues, err := c.Inspector().Queues(t.Context())
			ready := int64(0)
			for _, q := range queues {
				ready += q.Ready
			}
			return err == nil && ready == 400
		}, "not all jobs became ready")
		// Those without a delay were never delayed.
		redistest.Eventually(t, patience, func() bool { return s.Stats().Promoted == 380 }, "%+v", s.Stats())
	})
}
