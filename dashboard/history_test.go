package dashboard

import (
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func enqueued(n int64) *queue.QueueInfo {
	return &queue.QueueInfo{Ready: n / 4, Counts: map[string]int64{"enqueue": n, "ack": n / 2, "retry": 1, "bury": 2, "promote": n, "lease": n}}
}

func TestCounted(t *testing.T) {
	t.Parallel()
	if got, want := counted(enqueued(10)), (flow{In: 10, Out: 5, Failed: 3, Promoted: 10, Started: 10}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.add(epoch, enqueued(1_000_000))
	if _, _, known := h.rate(); known {
		t.Error("one sample shows no rate")
	}
	for s := 1; s <= 30; s++ {
		h.add(epoch.Add(time.Duration(s)*time.Second), enqueued(1_000_000+int64(20*s)))
		if got, growth, known := h.rate(); !known || got.In != 20 || got.Out != 10 || got.Failed != 0 || growth != 5 {
			t.Fatalf("after %d s: %+v %v %v", s, got, growth, known)
		}
		if len(h.recent) > 12 {
			t.Fatalf("%d samples are kept", len(h.recent))
		}
	}
	// A stop shows fully once the window has passed, not only after the whole history.
	for s := 31; s <= 41; s++ {
		h.add(epoch.Add(time.Duration(s)*time.Second), enqueued(1_000_600))
	}
	if got, growth, _ := h.rate(); got.In != 0 || growth != 0 {
		t.Errorf("11 s after the last job: %+v %v", got, growth)
	}
	h.add(epoch.Add(42*time.Second), enqueued(1_000_600-400))
	if _, growth, _ := h.rate(); growth != -10 {
		t.Errorf("growth %v of a queue that drains", growth)
	}
}

func TestRateOfSeldomSamples(t *testing.T) {
	t.Parallel()
	h := &history{}
	for s := 0; s <= 60; s += 10 {
		h.add(epoch.Add(time.Duration(s)*time.Second), enqueued(int64(3*s)))
	}
	if got, _, known := h.rate(); !known || got.In != 3 {
		t.Errorf("got %+v %v", got, known)
	}
}

func TestCountersThatFellBeganAnew(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.add(epoch, enqueued(5000))
	h.add(epoch.Add(time.Second), enqueued(40))
	if got, _, _ := h.rate(); got.In != 40 {
		t.Errorf("after FLUSHALL and 40 jobs: %+v", got)
	}
}

func TestSamplesOfOneMomentAreNoRate(t *testing.T) {
	t.Parallel()
	h := &history{}
	h.add(epoch, enqueued(1))
	h.add(epoch, enqueued(9))
	if got, _, known := h.rate(); known {
		t.Errorf("got %+v", got)
	}
	h.add(epoch.Add(-time.Second), enqueued(10)) // the clock was set back
	if got, _, known := h.rate(); known {
		t.Errorf("got %+v", got)
	}
}
