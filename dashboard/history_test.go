package dashboard

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func enqueued(n int64) flow {
	return counted(&queue.QueueInfo{Counts: map[string]int64{"enqueue": n, "ack": n / 2, "retry": 1, "bury": 2, "promote": n}})
}

func TestCounted(t *testing.T) {
	t.Parallel()
	if got, want := enqueued(10), (flow{In: 10, Out: 5, Failed: 3, Promoted: 10}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.add(epoch, enqueued(1_000_000))
	if _, known := h.rate(); known {
		t.Error("one sample shows no rate")
	}
	for s := 1; s <= 30; s++ {
		h.add(epoch.Add(time.Duration(s)*time.Second), enqueued(1_000_000+int64(20*s)))
		if got, known := h.rate(); !known || got.In != 20 || got.Out != 10 || got.Failed != 0 {
			t.Fatalf("after %d s: %+v %v", s, got, known)
		}
		if len(h.recent) > 12 {
			t.Fatalf("%d samples are kept", len(h.recent))
		}
	}
	// A stop shows fully once the window has passed, not only after the whole history.
	for s := 31; s <= 41; s++ {
		h.add(epoch.Add(time.Duration(s)*time.Second), enqueued(1_000_600))
	}
	if got, _ := h.rate(); got.In != 0 {
		t.Errorf("11 s after the last job: %+v", got)
	}
}

func TestRateOfSeldomSamples(t *testing.T) {
	t.Parallel()
	h := &history{}
	for s := 0; s <= 60; s += 10 {
		h.add(epoch.Add(time.Duration(s)*time.Second), enqueued(int64(3*s)))
	}
	if got, known := h.rate(); !known || got.In != 3 {
		t.Errorf("got %+v %v", got, known)
	}
}

func TestCountersThatFellBeganAnew(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.add(epoch, enqueued(5000))
	h.add(epoch.Add(time.Second), enqueued(40))
	if got, _ := h.rate(); got.In != 40 {
		t.Errorf("after FLUSHALL and 40 jobs: %+v", got)
	}
}

func TestSamplesOfOneMomentAreNoRate(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.add(epoch, enqueued(1))
	h.add(epoch, enqueued(9))
	if got, known := h.rate(); known {
		t.Errorf("got %+v", got)
	}
	h.add(epoch.Add(-time.Second), enqueued(10)) // the clock was set back
	h.series()
}

func TestSeriesSpreadsSeldomSamples(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.add(epoch, enqueued(0))
	h.add(epoch.Add(10*time.Second), enqueued(100))
	h.add(epoch.Add(30*time.Second), enqueued(100))
	got := h.series()
	if len(got) != 10 {
		t.Fatalf("%d buckets of 3 s in 30 s", len(got))
	}
	for i, f := range got {
		want := 0.0
		switch {
		case i < 3:
			want = 10
		case i == 3: // one of its three seconds
			want = 10.0 / 3
		}
		if math.Abs(f.In-want) > 1e-6 {
			t.Errorf("bucket %d: %v a second, want %v", i, f.In, want)
		}
	}
}

// TestSeriesLosesNothing: whatever the moments of the samples, the buckets add up to the counters.
func TestSeriesLosesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		h, at, total := &history{}, epoch.Add(time.Duration(random.Int64N(int64(time.Hour)))), int64(0)
		begin := at
		h.add(at, enqueued(0))
		for at.Sub(begin) < sparkSpan/2 {
			at = at.Add(time.Duration(1 + random.Int64N(int64(12*time.Second))))
			total += random.Int64N(500)
			h.add(at, enqueued(total))
		}
		var sum flow
		for _, bucket := range h.buckets {
			sum = sum.plus(bucket, 1)
		}
		if math.Abs(sum.In-float64(total)) > 1e-3 {
			t.Fatalf("seed %d: buckets hold %v of %d", seed, sum.In, total)
		}
		if n := len(h.series()); n >= sparkSteps {
			t.Fatalf("seed %d: %d points", seed, n)
		}
	}
}

func TestSeriesForgets(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.add(epoch, enqueued(0))
	h.add(epoch.Add(time.Second), enqueued(1_000_000))
	for s := 2; s < 400; s++ {
		h.add(epoch.Add(time.Duration(s)*time.Second), enqueued(1_000_000))
	}
	for i, f := range h.series() {
		if f.In != 0 {
			t.Errorf("point %d still shows %v", i, f.In)
		}
	}
	// After an hour without samples, the whole span is one slope.
	h.add(epoch.Add(2*time.Hour), enqueued(1_000_000+6801))
	series := h.series()
	if len(series) != sparkSteps-1 || math.Abs(series[0].In-series[len(series)-1].In) > 1e-9 || series[0].In == 0 {
		t.Errorf("after a gap: %d points from %+v to %+v", len(series), series[0], series[len(series)-1])
	}
}
