package worker_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

// slack is how much real time may pass on a loaded machine while a test moves the clock.
const slack = 20 * time.Second

// An endpoint fails twice: it is called at 0, after 2 minutes and after another 10.
func TestRetryTable(t *testing.T) {
	t.Parallel()
	table := []time.Duration{2 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour}
	for name, c := range map[string]struct {
		job queue.Job
		cfg func(*worker.Config)
		err func(attempt int) error
	}{
		"the job's table":  {job: queue.Job{Backoff: table}, err: func(int) error { return errOops }},
		"the kind's table": {cfg: func(cfg *worker.Config) { cfg.Backoffs = map[string]queue.Backoff{"callback": queue.Table(table...)} }, err: func(int) error { return errOops }},
		"the default":      {cfg: func(cfg *worker.Config) { cfg.Backoff = queue.Table(table...) }, err: func(int) error { return errOops }},
		"retry in":         {err: func(attempt int) error { return worker.RetryIn(table[attempt-1], errOops) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, client *queue.Client) {
				runs := make(chan *queue.Delivery, 10)
				cfg := only("q")
				if c.cfg != nil {
					c.cfg(&cfg)
				}
				run(t, client, cfg, handlers{"callback": func(_ context.Context, d *queue.Delivery) error {
					runs <- d
					if d.Attempt <= 2 {
						return c.err(d.Attempt)
					}
					return nil
				}})
				schedule(t, client)
				job := c.job
				job.Queue, job.Kind = "q", "callback"
				id := enqueue(t, client, job)
				last := next(t, runs)
				for i, wait := range []time.Duration{2 * time.Minute, 10 * time.Minute} {
					failed(t, client, id, i+1)
					advance(t, client, "q", wait-slack)
					p, err := client.Broker().Promote(t.Context(), "q", 10)
					if err != nil || p.Moved != 0 || p.Next > slack+10*time.Millisecond {
						t.Fatalf("%v before its time: %+v, %v", slack, p, err)
					}
					advance(t, client, "q", slack)
					d := next(t, runs)
					if between := d.Due.Sub(last.Due); between < wait || between > wait+slack || d.Attempt != i+2 {
						t.Errorf("attempt %d was due %v after the one before, want %d after %v", d.Attempt, between, i+2, wait)
					}
					if len(d.Errors) != i+1 || d.Errors[0].Error != "oops" {
						t.Errorf("attempt %d sees the errors %v", d.Attempt, d.Errors)
					}
					last = d
				}
				vanishes(t, client, "q", id)
			})
		})
	}
}

// failed waits until a job has failed so often and waits for its retry.
func failed(t *testing.T, c *queue.Client, id string, failures int) {
	t.Helper()
	redistest.Eventually(t, patience, func() bool {
		job, err := c.Inspector().Job(t.Context(), "q", id)
		return err == nil && job.State == queue.Retrying && job.Failures == failures
	}, "no %d failures of job %s", failures, id)
}

// A handler's own word goes before the job's table, that before the kind's, that before the default.
func TestBackoffPrecedence(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		cfg := only("q")
		cfg.Backoff = queue.Constant(time.Hour)
		cfg.Backoffs = map[string]queue.Backoff{
			"kind": queue.Constant(2 * time.Hour), "job": queue.Constant(2 * time.Hour), "asked": queue.Constant(2 * time.Hour),
			"nil": nil, "panics": func(int) time.Duration { panic("backoff") }, "negative": queue.Constant(-time.Hour),
		}
		fail := func(context.Context, *queue.Delivery) error { return errOops }
		run(t, client, cfg, handlers{
			worker.AnyKind: fail,
			"asked":        func(context.Context, *queue.Delivery) error { return worker.RetryIn(4*time.Hour, errOops) },
			"asked < 0":    func(context.Context, *queue.Delivery) error { return worker.RetryIn(-time.Hour, errOops) },
		})
		for kind, want := range map[string]time.Duration{
			"default": time.Hour, "kind": 2 * time.Hour, "job": 3 * time.Hour, "asked": 4 * time.Hour,
			"nil": time.Hour, "panics": 0, "negative": 0, "asked < 0": 0,
		} {
			job := queue.Job{Queue: "q", Kind: kind}
			if kind == "job" || kind == "asked" {
				job.Backoff = []time.Duration{3 * time.Hour}
			}
			id := enqueue(t, client, job)
			at := reaches(t, client, "q", id, queue.Retrying).At
			if wait := time.Until(at).Round(time.Minute); wait != want {
				t.Errorf("kind %s waits for %v, want %v", kind, wait, want)
			}
		}
	})
}

// The default is exponential with full jitter: what failed together does not come back together.
func TestDefaultBackoffSpreads(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		cfg := only("q")
		cfg.Concurrency = 20
		run(t, client, cfg, handlers{"k": func(context.Context, *queue.Delivery) error { return errOops }})
		jobs := slices.Repeat([]queue.Job{{Queue: "q", Kind: "k"}}, 40)
		results, err := client.EnqueueMany(t.Context(), jobs)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		seen := map[time.Duration]bool{}
		for _, r := range results {
			wait := reaches(t, client, "q", r.ID, queue.Retrying).At.Sub(began)
			if wait > 10*time.Second+slack {
				t.Errorf("the first retry is due in %v, want within 10 s", wait)
			}
			seen[wait.Truncate(500*time.Millisecond)] = true
		}
		if len(seen) < 5 {
			t.Errorf("40 retries are due in only %d different half seconds", len(seen))
		}
	})
}

// Row 1: an SMS in two hours. Row 2: a connection that times out, put off and called off.
func TestDelayedJobsOnTheMovedClock(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		runs := make(chan *queue.Delivery, 10)
		run(t, client, only("q"), handlers{"k": func(_ context.Context, d *queue.Delivery) error { runs <- d; return nil }})
		schedule(t, client)
		sms := enqueue(t, client, queue.Job{Queue: "q", Kind: "k", ID: "sms", Delay: 2 * time.Hour})
		enqueue(t, client, queue.Job{Queue: "q", Kind: "k", ID: "conn-1", Delay: 15 * time.Minute},
			queue.Job{Queue: "q", Kind: "k", ID: "conn-2", Delay: 15 * time.Minute})
		if wait := time.Until(reaches(t, client, "q", sms, queue.Delayed).At); wait < 2*time.Hour-slack || wait > 2*time.Hour+time.Millisecond {
			t.Errorf("due in %v, want 2h", wait)
		}
		advance(t, client, "q", 14*time.Minute)
		if err := client.Reschedule(t.Context(), "q", "conn-1", 15*time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := client.Cancel(t.Context(), "q", "conn-2"); err != nil {
			t.Fatal(err)
		}
		advance(t, client, "q", 15*time.Minute-slack)
		if p, err := client.Broker().Promote(t.Context(), "q", 10); err != nil || p.Moved != 0 {
			t.Fatalf("before minute 29: %+v, %v", p, err)
		}
		advance(t, client, "q", slack)
		if d := next(t, runs); d.ID != "conn-1" {
			t.Errorf("ran %s", d.ID)
		}
		advance(t, client, "q", 91*time.Minute-slack)
		if p, err := client.Broker().Promote(t.Context(), "q", 10); err != nil || p.Moved != 0 {
			t.Fatalf("before 2 hours: %+v, %v", p, err)
		}
		advance(t, client, "q", slack)
		if d := next(t, runs); d.ID != sms || d.Lateness() > slack {
			t.Errorf("ran %s, %v after its time", d.ID, d.Lateness())
		}
		if s := len(runs); s != 0 {
			t.Errorf("%d more runs", s)
		}
	})
}
