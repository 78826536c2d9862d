package worker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// tally counts runs by queue.
type ran struct {
	mu     sync.Mutex
	queues map[string]int
	total  int
}

func (r *ran) add(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queues == nil {
		r.queues = map[string]int{}
	}
	r.queues[name]++
	r.total++
	return r.total
}

func TestWeightsShareTurns(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 4} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const jobs = 900
				f := newFake()
				f.add("a", jobs)
				f.add("b", jobs)
				f.add("c", jobs)
				var seen ran
				enough := make(chan struct{})
				_, stop := begin(t, f, Config{Queues: map[string]int{"a": 5, "b": 3, "c": 1}, Concurrency: concurrency},
					func(context.Context, *queue.Delivery) error {
						pass(time.Millisecond)
						if seen.add("") == jobs {
							close(enough)
						}
						return nil
					})
				<-enough
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				turns := map[string]int{}
				for _, c := range f.made("lease") {
					turns[c.id]++
				}
				all := turns["a"] + turns["b"] + turns["c"]
				for name, weight := range map[string]int{"a": 5, "b": 3, "c": 1} {
					want := all * weight / 9
					if got := turns[name]; got < want-3 || got > want+3 {
						t.Errorf("queue %s had %d of %d turns, want about %d: %v", name, got, all, want, turns)
					}
				}
			})
		})
	}
}

func TestStrictServesTheHigherWeightFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("low", 50)
		f.add("high", 50)
		var order []string
		_, stop := begin(t, f, Config{Queues: map[string]int{"high": 2, "low": 1}, Strict: true, Concurrency: 1},
			func(_ context.Context, d *queue.Delivery) error {
				order = append(order, d.Queue)
				pass(time.Millisecond)
				return nil
			})
		pass(time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		for i, name := range order {
			if want := map[bool]string{true: "high", false: "low"}[i < 50]; name != want {
				t.Fatalf("run %d was of queue %s, want %s", i, name, want)
			}
		}
		if len(order) != 100 {
			t.Fatalf("%d jobs ran, want 100", len(order))
		}
	})
}

// A queue whose keys are of the wrong type, or that Redis refuses for another reason of its own, must
// not hold up the others.
func TestBrokenQueueDoesNotBlockOthers(t *testing.T) {
	t.Parallel()
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprint("strict=", strict), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.add("good", 1000)
				f.add("broken", 1)
				f.takes = time.Millisecond
				f.fail = func(c call) error {
					if c.id == "broken" {
						return queue.ErrWrongType
					}
					return nil
				}
				var log lines
				var n atomic.Int64
				cfg := Config{Queues: map[string]int{"broken": 2, "good": 1}, Strict: strict, Concurrency: 1, Logger: log.logger()}
				_, stop := begin(t, f, cfg, func(context.Context, *queue.Delivery) error { n.Add(1); return nil })
				pass(10 * time.Second)
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if n.Load() != 1000 {
					t.Errorf("%d of 1000 jobs of the good queue ran", n.Load())
				}
				if got := log.count("lease"); got < 1 || got > 11 {
					t.Errorf("%d lines about the broken queue in 10 s, want at most one a second", got)
				}
			})
		})
	}
}

func TestLostHintIsHealedByThePoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var at time.Time
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}}, func(context.Context, *queue.Delivery) error {
			at = time.Now()
			return nil
		})
		pass(5*time.Second + 300*time.Millisecond)
		added := time.Now()
		f.add("a", 1)
		pass(3 * time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if late := at.Sub(added); at.IsZero() || late > listenTime {
			t.Errorf("the job started %v after it was ready, want within %v", late, listenTime)
		}
	})
}

// Hints that come while a lease is under way, which holds all free slots until it is back, are followed
// as soon as it is.
func TestHintDuringALease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.takes = time.Millisecond // each call
		const jobs, callsInAll = 500, 5
		late := make(chan time.Duration, jobs)
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1}, Concurrency: 8}, func(_ context.Context, d *queue.Delivery) error {
			late <- time.Since(d.Created)
			return nil
		})
		for range jobs {
			f.add("a", 1)
			select {
			case f.hints <- "a":
			default: // one is enough
			}
			pass(700 * time.Microsecond)
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if len(late) < jobs-callsInAll {
			t.Errorf("%d of %d jobs ran", len(late), jobs)
		}
		close(late)
		longest := time.Duration(0)
		for d := range late {
			longest = max(longest, d)
		}
		if longest > callsInAll*f.takes {
			t.Errorf("a job started %v after it was ready", longest)
		}
	})
}

func TestHintStartsAnIdleWorkerAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		var late []time.Duration
		var added time.Time
		_, stop := begin(t, f, Config{Queues: map[string]int{"a": 1, "b": 1}}, func(context.Context, *queue.Delivery) error {
			late = append(late, time.Since(added))
			return nil
		})
		for i := range 20 {
			pass(time.Duration(i*7) * time.Millisecond)
			added = time.Now()
			f.add("b", 1)
			if err := f.WakeReady(t.Context(), "b"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if len(late) != 20 {
			t.Fatalf("%d jobs ran, want 20", len(late))
		}
		for _, d := range late {
			if d > 0 {
				t.Errorf("a job started %v after its hint", d)
			}
		}
	})
}

// However many queues and however far Redis is, an idle worker asks rarely.
func TestIdleWorkerIsQuiet(t *testing.T) {
	t.Parallel()
	for name, running := range map[string]int{"nothing runs": 0, "one job runs": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.takes = 10 * time.Millisecond
				queues := map[string]int{}
				for i := range 50 {
					queues[fmt.Sprint("q", i)] = 1
				}
				f.add("q7", running)
				release := make(chan struct{})
				_, stop := begin(t, f, Config{Queues: queues, Concurrency: 4}, func(context.Context, *queue.Delivery) error {
					<-release
					return nil
				})
				pass(10 * time.Second)
				before := len(f.made("lease|wait|look|wake|extend"))
				pass(20 * time.Second)
				calls := len(f.made("lease|wait|look|wake|extend")) - before
				close(release)
				if err := stop(); err != nil {
					t.Fatal(err)
				}
				if perSecond := float64(calls) / 20; perSecond > 3 {
					t.Errorf("%.1f calls a second, want at most 3", perSecond)
				}
			})
		})
	}
}

// A busy worker does not wait for hints, so it asks the queues that seem empty from time to time.
func TestBusyWorkerFindsAnotherQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.add("busy", 2000)
		var added, at time.Time
		_, stop := begin(t, f, Config{Queues: map[string]int{"busy": 9, "other": 1}, Concurrency: 2},
			func(_ context.Context, d *queue.Delivery) error {
				if d.Queue == "other" {
					at = time.Now()
				}
				pass(5 * time.Millisecond)
				return nil
			})
		pass(time.Second)
		added = time.Now()
		f.add("other", 1)
		pass(time.Second)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if late := at.Sub(added); at.IsZero() || late > 3*probeAfter {
			t.Errorf("the job of the other queue started after %v, want within %v", late, 3*probeAfter)
		}
	})
}
