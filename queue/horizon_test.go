package queue_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/dueq-io/dueq/queue"
)

// Whatever waits, and wherever the bars end: each job is in exactly one of them, of overdue and of later, and
// it is the right one.
func TestHorizonHasEachJobOnce(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		rapid.Check(t, func(t *rapid.T) {
			// Close together, so that due times and ends meet.
			some := rapid.Int64Range(-20, 60)
			bounds := rapid.SliceOfNDistinct(rapid.Int64Range(1, 40), 1, 8, rapid.ID).Draw(t, "bounds")
			slices.Sort(bounds)
			ends := make([]time.Duration, len(bounds))
			for i, ms := range bounds {
				ends[i] = time.Duration(ms) * time.Millisecond
			}
			var want queue.Horizon
			want.Bars = make([]queue.Bar, len(bounds))
			h.ok(h.rdb.Del(h.ctx, h.key("delayed"), h.key("retry")).Err())
			for name, of := range map[string]func(*queue.WaitingJobs) *int64{
				"delayed": func(w *queue.WaitingJobs) *int64 { return &w.Delayed },
				"retry":   func(w *queue.WaitingJobs) *int64 { return &w.Retrying },
			} {
				for i, due := range rapid.SliceOfN(some, 0, 20).Draw(t, name) {
					score := float64(queue.FrozenAt.UnixMilli() + due)
					h.ok(h.rdb.ZAdd(h.ctx, h.key(name), redis.Z{Score: score, Member: i}).Err())
					place := &want.Later
					if bar := slices.IndexFunc(bounds, func(end int64) bool { return due < end }); due <= 0 {
						place = &want.Overdue
					} else if bar >= 0 {
						place = &want.Bars[bar].WaitingJobs
					}
					*of(place)++
				}
			}
			got, err := h.in.Horizon(h.ctx, sms, ends)
			h.ok(err)
			if got.Overdue != want.Overdue || got.Later != want.Later || !got.Now.Equal(queue.FrozenAt) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			from := got.Now
			for i, bar := range got.Bars {
				if bar.WaitingJobs != want.Bars[i].WaitingJobs || !bar.From.Equal(from) || bar.To.Sub(got.Now) != ends[i] {
					t.Fatalf("bar %d to %v is %+v, want %+v", i, ends[i], bar, want.Bars[i].WaitingJobs)
				}
				from = bar.To
			}
		})
	})
}

// All queues are one pipeline, and bounds that make no bars are refused.
func TestHorizons(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{Queue: "b", Delay: time.Minute})
		h.enqueue(queue.Job{Queue: "a", Delay: time.Second})
		all, err := h.in.Horizons(h.ctx, []time.Duration{time.Minute})
		h.ok(err)
		if len(all) != 2 || all[0].Queue != "a" || all[0].Bars[0].Delayed != 1 || all[1].Queue != "b" || all[1].Later.Delayed != 1 {
			t.Errorf("%+v", all)
		}
		for _, bad := range [][]time.Duration{
			nil,
			{0},
			{-time.Second},
			{time.Second, time.Second},
			{time.Second, time.Millisecond},
			{time.Microsecond},
			{math.MaxInt64},
			make([]time.Duration, 501),
			{time.Millisecond, time.Millisecond + time.Microsecond},
		} {
			if _, err := h.in.Horizons(h.ctx, bad); !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%v: %v", bad, err)
			}
		}
		if _, err := h.in.Horizon(h.ctx, "a b", []time.Duration{time.Second}); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("a bad name: %v", err)
		}
	})
}

// A job of low priority that nobody starts is the oldest, however young the head of a higher one is; the entry
// of a job that was cancelled is of no age.
func TestOldestReadyOfAllPriorities(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{Priority: queue.Low})
		h.advance(time.Minute)
		h.enqueue(queue.Job{ID: "high", Priority: queue.High})
		if got := h.info().OldestReady; got != time.Minute {
			t.Errorf("%v", got)
		}
		h.lease(2)
		h.enqueue(queue.Job{ID: "ghost"})
		h.ok(h.c.Cancel(h.ctx, sms, "ghost"))
		h.advance(time.Minute)
		if got := h.info().OldestReady; got != 0 {
			t.Errorf("of nothing: %v", got)
		}
	})
}

// A range of due times selects the jobs in it, in pages, and needs a state that has such times.
func TestJobsOfADueRange(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for i := range 10 {
			h.enqueue(queue.Job{ID: string(rune('a' + i)), Delay: time.Duration(i+1) * time.Second})
		}
		list := func(q queue.Query) (ids string) {
			t.Helper()
			q.State = queue.Delayed
			for {
				page, err := h.in.Jobs(h.ctx, sms, q)
				h.ok(err)
				for _, j := range page.Jobs {
					ids += j.ID
				}
				if q.Cursor = page.Cursor; q.Cursor == "" {
					return ids
				}
			}
		}
		due := h.job("c").Due
		for want, q := range map[string]queue.Query{
			"cde":        {DueFrom: due, DueTo: due.Add(3 * time.Second)},
			"de":         {DueFrom: due.Add(1), DueTo: due.Add(2*time.Second + 1), Limit: 1},
			"ab":         {DueTo: due, Limit: 1},
			"cdefghij":   {DueFrom: due, Limit: 3},
			"":           {DueFrom: due, DueTo: due},
			"abcdefghij": {DueTo: due.Add(time.Hour), Kind: "sms.send", Limit: 2, Scan: 3},
		} {
			if got := list(q); got != want {
				t.Errorf("%+v: got %q, want %q", q, got, want)
			}
		}
		for _, state := range []queue.State{"", queue.Ready, queue.Leased, queue.Done} {
			if _, err := h.in.Jobs(h.ctx, sms, queue.Query{State: state, DueFrom: due}); !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("state %q: %v", state, err)
			}
		}
	})
}
