package queue_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dueq-io/dueq/queue"
)

// The parts follow one another without a gap, and each from 2 ms on is at most half as long again as its start.
func TestHistogramParts(t *testing.T) {
	t.Parallel()
	end := time.Duration(0)
	for i := range queue.HistogramSize {
		low, high := queue.HistogramBounds(i)
		if low != end || i >= 2 && high > 0 && high > low+low/2 {
			t.Errorf("part %d is from %v to %v, the one before ends at %v", i, low, high, end)
		}
		end = high
	}
	if low, _ := queue.HistogramBounds(queue.HistogramSize - 1); end >= 0 || low != 50_331_648*time.Millisecond {
		t.Errorf("the last part is from %v to %v", low, end)
	}
}

// A quantile is within 23 % of that of the times that were counted.
func TestHistogramQuantile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(2, 50_000_000), 1, 200).Draw(t, "ms")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h queue.Histogram
		for _, ms := range times {
			i := 0
			for _, high := queue.HistogramBounds(i); time.Duration(ms)*time.Millisecond >= high; _, high = queue.HistogramBounds(i) {
				i++
			}
			h[i]++
		}
		slices.Sort(times)
		want := float64(times[max(0, int(math.Ceil(q*float64(len(times))))-1)])
		if got := float64(h.Quantile(q)) / float64(time.Millisecond); got > 1.23*want || got < want/1.23 {
			t.Errorf("%v of %v: %.1f ms, want %.1f", q, times, got, want)
		}
		if h.Count() != int64(len(times)) {
			t.Errorf("%d of %d counted", h.Count(), len(times))
		}
	})
	var h queue.Histogram
	if got := h.Quantile(0.5); got >= 0 {
		t.Errorf("of nothing: %v", got)
	}
	h[queue.HistogramSize-1] = 1
	if low, _ := queue.HistogramBounds(queue.HistogramSize - 1); h.Quantile(1) != low {
		t.Errorf("of the last part: %v", h.Quantile(1))
	}
	h = queue.Histogram{0: 1}
	if h.Quantile(math.Inf(-1)) != 0 || h.Quantile(2) != 0 {
		t.Error("below 1 ms is 0, whatever the share")
	}
}

// Wait is what is left of lateness: all of it where nothing was promoted late, nothing where the scheduler was.
func TestWait(t *testing.T) {
	t.Parallel()
	const slow, quick = 30, 4
	late, _ := queue.HistogramBounds(slow)
	for name, c := range map[string]struct {
		counts queue.Counts
		low    time.Duration
	}{
		"no start":          {queue.Counts{}, -1},
		"never promoted":    {queue.Counts{Lateness: queue.Histogram{slow: 10}}, late},
		"promoted in time":  {queue.Counts{Lateness: queue.Histogram{slow: 10}, PromoteLag: queue.Histogram{0: 10}}, late},
		"promoted late":     {queue.Counts{Lateness: queue.Histogram{slow: 10}, PromoteLag: queue.Histogram{slow: 10}}, 0},
		"some of them late": {queue.Counts{Lateness: queue.Histogram{slow: 10}, PromoteLag: queue.Histogram{slow: 1}}, late},
		"lag without start": {queue.Counts{Lateness: queue.Histogram{quick: 1}, PromoteLag: queue.Histogram{slow: 100}}, 0},
	} {
		if got := c.counts.Wait(0.5); got < c.low || c.low <= 0 && got != c.low || got > c.low+c.low/2 {
			t.Errorf("%s: %v, want about %v", name, got, c.low)
		}
	}
}

// What happened shows in the activity of the queue, and in none of another's; rates are for the span.
func TestActivity(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{Delay: time.Second})
		h.enqueue(queue.Job{})
		h.enqueue(queue.Job{Queue: "other"})
		h.advance(5 * time.Second)
		h.promote(1)
		h.advance(15 * time.Second)
		ds := h.lease(2)
		h.ok(h.b.Retry(h.ctx, ds[0], time.Hour, errOops))
		h.ok(h.b.Ack(h.ctx, ds[1]))
		all, err := h.in.Activity(h.ctx, time.Minute)
		h.ok(err)
		if len(all) != 2 || all[0].Queue != "other" || all[0].Enqueued != 1 || all[0].Started != 0 {
			t.Fatalf("%+v", all)
		}
		a := all[1]
		if a.Enqueued != 2 || a.Promoted != 1 || a.Started != 2 || a.Done != 1 || a.Failed != 1 || a.Retried != 1 || a.Dead != 0 {
			t.Errorf("%+v", a)
		}
		if share, n := a.ErrorShare(); share != 0.5 || n != 2 {
			t.Errorf("%v of %d failed", share, n)
		}
		if span := a.To.Sub(a.From); span < time.Minute || span > 70*time.Second || a.PerSecond(a.Started) != 2/span.Seconds() {
			t.Errorf("%v of 2 in %v", a.PerSecond(a.Started), span)
		}
		if late, lag := a.Lateness.Quantile(0.5), a.PromoteLag.Quantile(1); late < 15*time.Second || late > 25*time.Second || lag < 3*time.Second || lag > 5*time.Second {
			t.Errorf("late %v, lag %v", late, lag)
		}
		s, err := h.in.Series(h.ctx, sms, a.From, a.To, 0)
		h.ok(err)
		var sum queue.Counts
		for i := range s.Buckets {
			sum.Add(&s.Buckets[i].Counts)
		}
		if sum != a.Counts {
			t.Errorf("the series is %+v, the activity %+v", sum, a.Counts)
		}
		h.advance(2 * time.Minute)
		if again, err := h.in.Activity(h.ctx, time.Minute, sms); err != nil || len(again) != 1 || again[0].Counts != (queue.Counts{}) {
			t.Errorf("two minutes later: %+v, %v", again, err)
		}
		for _, window := range []time.Duration{0, time.Second, 2 * time.Hour} {
			if _, err := h.in.Activity(h.ctx, window); err == nil {
				t.Errorf("a window of %v is taken", window)
			}
		}
	})
}
