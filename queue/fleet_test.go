package queue_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// heard notes what a worker is asked for.
type heard struct {
	mu     sync.Mutex
	states []queue.WorkerState
}

func (h *heard) wish(s queue.WorkerState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states = append(h.states, s)
}

func (h *heard) all() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprint(h.states)
}

func (h *harness) fleet() queue.Fleet {
	h.t.Helper()
	f, err := h.in.Fleet(h.ctx)
	h.ok(err)
	return f
}

func aReport() queue.WorkerReport {
	return queue.WorkerReport{
		State: queue.WorkerRunning, Queues: map[string]int{sms: 3}, Concurrency: 7, Busy: 1, Counts: map[string]int64{"done": 5},
		Running: []queue.RunningJob{{ID: "a", Queue: sms, Kind: "<script>", Attempt: 2, Since: queue.FrozenAt}},
	}
}

func noWish(queue.WorkerState) {}

// Workers, schedulers and producers of a program are seen as what they are, and are gone at once when they
// leave.
func TestFleet(t *testing.T) {
	onEachWith(t, queue.Config{Name: "orders-api"}, func(t *testing.T, h *harness) {
		if f := h.fleet(); len(f.Workers)+len(f.Producers)+len(f.Schedulers) > 0 {
			t.Fatalf("nobody has joined: %+v", f)
		}
		leaveFirst := h.b.JoinWorker("first", aReport, noWish)
		leaveSecond := h.b.JoinWorker("second", aReport, noWish)
		leaveScheduler := h.b.JoinScheduler(func() queue.SchedulerReport {
			return queue.SchedulerReport{Queues: []string{sms}, Counts: map[string]int64{"promoted": 9}}
		})
		h.enqueue(queue.Job{ID: "a"})
		if err := h.try(queue.Job{ID: "a", Payload: []byte("other")}); !errors.Is(err, queue.ErrConflict) {
			t.Fatal(err)
		}
		_, err := h.c.EnqueueMany(h.ctx, []queue.Job{withDefaults(queue.Job{Queue: "mail"}), withDefaults(queue.Job{Queue: "mail"})})
		h.ok(err)
		h.ok(queue.Beat(h.c))
		f := h.fleet()
		if len(f.Workers) != 2 || len(f.Producers) != 1 || len(f.Schedulers) != 1 {
			t.Fatalf("%+v", f)
		}
		w, p, s := f.Workers[0], f.Producers[0], f.Schedulers[0]
		if got, want := fmt.Sprintf("%+v", w.WorkerReport), fmt.Sprintf("%+v", aReport()); strings.ReplaceAll(got, "UTC", "Local") != strings.ReplaceAll(want, "UTC", "Local") {
			t.Errorf("got %s, want %s", got, want)
		}
		if w.Name != "first" || f.Workers[1].Name != "second" || w.ID == f.Workers[1].ID {
			t.Errorf("workers %+v", f.Workers)
		}
		host, _ := os.Hostname()
		for _, process := range []queue.Process{w.Process, p.Process, s.Process} {
			if process.Name != "orders-api" || process.Host != host || process.PID != os.Getpid() || process.ID != w.Process.ID || time.Since(process.Started) > time.Hour {
				t.Errorf("%+v", process)
			}
		}
		if p.Enqueued != 3 || p.Rejected != 1 || len(p.Queues) != 2 || p.Queues[0].Queue != "mail" || p.Queues[0].Enqueued != 2 ||
			p.Queues[1].Rejected != 1 || time.Since(p.Queues[1].Last) > time.Hour {
			t.Errorf("producer %+v", p)
		}
		if s.Counts["promoted"] != 9 || len(s.Queues) != 1 {
			t.Errorf("scheduler %+v", s)
		}
		leaveFirst()
		leaveScheduler()
		leaveScheduler()
		if f := h.fleet(); len(f.Workers) != 1 || f.Workers[0].Name != "second" || len(f.Producers) != 1 || len(f.Schedulers) != 0 {
			t.Errorf("when one has left: %+v", f)
		}
		leaveSecond()
		other := open(t, urlOf(t), queue.Config{}) // the embedded one ends with its client
		if h.c.Embedded() {
			return
		}
		h.ok(h.c.Close())
		if left, err := other.rdb.Keys(h.ctx, h.c.Namespace()+":fleet*").Result(); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// Beats are by Redis's clock. A program whose time is over is not seen, and is seen again when it goes on; so is
// one of which Redis has lost all.
func TestFleetOfTheSilent(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	h.t.Cleanup(h.b.JoinWorker("w", aReport, noWish))
	h.ok(queue.Beat(h.c))
	seen := func() []queue.WorkerInfo { return h.fleet().Workers }
	if w := seen(); len(w) != 1 || h.rdb.Time(h.ctx).Val().Sub(w[0].Beat) > 5*time.Second || time.Until(w[0].Beat) > 5*time.Second {
		t.Fatalf("%+v", w)
	}
	key := queue.BeatKey(h.c, seen()[0].Process.ID)
	if left := h.rdb.PTTL(h.ctx, key).Val(); left <= 8*time.Second || left > 10*time.Second {
		t.Errorf("it lasts for %v", left)
	}
	slow := open(t, urlOf(t), queue.Config{Namespace: h.c.Namespace(), Beat: 30 * time.Second, Name: "slow"})
	h.t.Cleanup(slow.b.JoinScheduler(func() queue.SchedulerReport { return queue.SchedulerReport{} }))
	h.ok(queue.Beat(slow.c))
	if s := h.fleet().Schedulers; len(s) != 1 || h.rdb.Time(h.ctx).Val().Sub(s[0].Beat).Abs() > 5*time.Second ||
		h.rdb.PTTL(h.ctx, queue.BeatKey(h.c, s[0].Process.ID)).Val() < 290*time.Second {
		t.Errorf("%+v", s)
	}
	// Of one that has been silent for 8 s it is said; it may beat between the two calls here.
	redistest.Eventually(t, 20*time.Second, func() bool {
		h.ok(h.rdb.PExpire(h.ctx, key, 2*time.Second).Err())
		age := h.rdb.Time(h.ctx).Val().Sub(seen()[0].Beat)
		return age > 7*time.Second && age < 9*time.Second
	})
	for _, lose := range []func() error{
		func() error { return h.rdb.PExpire(h.ctx, key, 0).Err() },
		func() error { return h.rdb.Del(h.ctx, key, queue.FleetKey(h.c)).Err() },
		func() error { return h.rdb.Persist(h.ctx, key).Err() }, // by hand
	} {
		h.ok(lose())
		redistest.Eventually(t, 20*time.Second, func() bool { return len(seen()) == 1 })
	}
}

// Programs that ended without a word do not gather: whoever introduces itself removes some. What others have
// written there is not shown, and stops nobody.
func TestFleetOfTheDead(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		key := queue.FleetKey(h.c)
		for i := range 40 {
			h.ok(h.rdb.ZAdd(h.ctx, key, redis.Z{Member: fmt.Sprint("gone-", i)}).Err())
		}
		for id, value := range map[string]string{"x": "", "y": "{", "z": "[]\n{\"worker\":1}", "bad id{}": `{}`} {
			h.ok(h.rdb.ZAdd(h.ctx, key, redis.Z{Member: id}).Err())
			h.ok(h.rdb.Set(h.ctx, queue.BeatKey(h.c, id), value, time.Hour).Err())
		}
		if f := h.fleet(); len(f.Workers)+len(f.Producers)+len(f.Schedulers) > 0 {
			t.Errorf("%+v", f)
		}
		for range 20 {
			leave := h.b.JoinWorker("w", aReport, noWish)
			h.ok(queue.Beat(h.c))
			leave()
		}
		if n := h.rdb.ZCard(h.ctx, key).Val(); n > 20 {
			t.Errorf("%d are left", n)
		}
	})
}

// An operator's wish reaches the worker it is for, with its next beat, once, and no other.
func TestWishes(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		var first, second heard
		h.t.Cleanup(h.b.JoinWorker("first", aReport, first.wish))
		h.t.Cleanup(h.b.JoinWorker("second", aReport, second.wish))
		h.ok(queue.Beat(h.c))
		workers, err := h.in.Workers(h.ctx)
		h.ok(err)
		h.ok(h.in.QuietWorker(h.ctx, workers[0].ID))
		h.ok(h.in.StopWorker(h.ctx, workers[0].ID))
		redistest.Eventually(t, 20*time.Second, func() bool { return first.all() == "[quiet stopping]" })
		h.ok(queue.Beat(h.c))
		if first.all() != "[quiet stopping]" || second.all() != "[]" {
			t.Errorf("%s, %s", first.all(), second.all())
		}
		for _, id := range []string{"", "nobody", workers[0].Process.ID, workers[0].Process.ID + "/9", "a{b}/1", workers[0].ID + "\n"} {
			if err := h.in.QuietWorker(h.ctx, id); !errors.Is(err, queue.ErrNoWorker) {
				t.Errorf("%q: %v", id, err)
			}
		}
	})
}

// Wishes and beats that come at one time lose none.
func TestWishesWhileBeating(t *testing.T) {
	t.Parallel()
	h := open(t, urlOf(t), queue.Config{})
	var got heard
	h.t.Cleanup(h.b.JoinWorker("w", aReport, got.wish))
	h.ok(queue.Beat(h.c))
	workers, err := h.in.Workers(h.ctx)
	h.ok(err)
	const wishes = 50
	var all sync.WaitGroup
	all.Go(func() {
		for range 200 {
			if err := queue.Beat(h.c); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		all.Go(func() {
			for range wishes / 2 {
				if err := h.in.QuietWorker(h.ctx, workers[0].ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	h.ok(queue.Beat(h.c))
	if n := strings.Count(got.all(), "quiet"); n != wishes {
		t.Errorf("heard %d of %d", n, wishes)
	}
}

// A fleet that cannot be written costs nobody more than that it is not seen.
func TestFleetThatCannotBeWritten(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.ok(h.rdb.Set(h.ctx, queue.FleetKey(h.c), "foreign", 0).Err())
		leave := h.b.JoinWorker("w", aReport, noWish)
		if err := queue.Beat(h.c); err == nil {
			t.Error("a beat into a foreign key went well")
		}
		h.enqueue(queue.Job{})
		h.ok(h.b.Ack(h.ctx, h.leaseOne()))
		leave()
		if _, err := h.in.Fleet(h.ctx); !errors.Is(err, queue.ErrWrongType) {
			t.Errorf("fleet: %v", err)
		}
		// Once it can be written, whoever could not name itself does.
		defer h.b.JoinWorker("w", aReport, noWish)()
		if err := queue.Beat(h.c); err == nil {
			t.Error("a beat into a foreign key went well")
		}
		h.ok(h.rdb.Del(h.ctx, queue.FleetKey(h.c)).Err())
		h.ok(queue.Beat(h.c))
		if workers, err := h.in.Workers(h.ctx); err != nil || len(workers) != 1 {
			t.Errorf("%v: workers %+v", err, workers)
		}
	})
}

// The name of a program is checked where it is set.
func TestProgramName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a\nb", strings.Repeat("x", 129), "\xff"} {
		if _, err := (queue.Config{Name: name}).Open(t.Context(), "memory://"); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
