package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// past is a job's timeline, with times as the wait since the first by Redis's clock.
func (h *harness) past(id string) []string {
	h.t.Helper()
	job := h.job(id)
	var out []string
	var first time.Time
	for _, e := range job.Timeline() {
		line := string(e.What)
		if e.Attempt > 0 {
			line += fmt.Sprintf(" %d", e.Attempt)
		}
		if e.What != queue.EventEnqueued && e.What != queue.EventFailed { // whose clock the test does not move
			if first.IsZero() {
				first = e.At
			}
			line += " " + e.At.Sub(first).String()
		}
		out = append(out, line)
	}
	return out
}

// Row 60: a job tells when it was due, promoted and started, each time, how that ended, and when it was done.
func TestTimeline(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.enqueue(queue.Job{Delay: time.Hour, Retain: time.Hour})
		equal(t, h.past(id), []string{"enqueued"})
		h.advance(time.Hour + 2*time.Second)
		h.promote(1)
		want := []string{"enqueued", "due 1 0s", "ready 1 2s"}
		equal(t, h.past(id), want)

		h.advance(3 * time.Second)
		d := h.leaseOne()
		equal(t, h.past(id), want[:1]) // of a leased job its worker tells
		h.advance(time.Second)
		h.ok(h.b.Retry(h.ctx, d, 10*time.Second, errors.New("x")))
		want = append(want, "started 1 5s", "failed 1")
		equal(t, h.past(id), want)

		h.advance(11 * time.Second)
		h.promote(1)
		equal(t, h.past(id), slices.Concat(want, []string{"due 2 16s", "ready 2 17s"}))
		h.leaseOne()
		h.reapAfter(leaseTime, queue.ReapConfig{})
		want = append(want, "lost 50s")
		equal(t, h.past(id), slices.Concat(want, []string{"due 3 50s", "ready 3 50s"}))

		d = h.leaseOne()
		h.advance(5 * time.Second)
		h.ok(h.b.Ack(h.ctx, d))
		equal(t, h.past(id), slices.Concat(want, []string{"due 3 50s", "ready 3 50s", "started 3 50s", "done 3 55s"}))

		h.ok(h.in.Requeue(h.ctx, sms, id))
		equal(t, h.past(id), []string{"enqueued", "due 1 0s", "ready 1 0s"})
	})
}

// A job that is dead tells why it is, and the last five of what went before.
func TestTimelineOfTheDead(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		id := h.enqueue(queue.Job{})
		for range 7 {
			h.leaseOne()
			h.reapAfter(leaseTime, queue.ReapConfig{MaxLost: 9})
		}
		h.ok(h.b.Bury(h.ctx, h.leaseOne(), queue.ReasonRejected, errors.New("no such order")))
		job := h.job(id)
		if len(job.LostAt) != 5 || job.LostLeases != 7 || !slices.IsSortedFunc(job.LostAt, func(a, b time.Time) int { return b.Compare(a) }) {
			t.Errorf("%d lost, at %v", job.LostLeases, job.LostAt)
		}
		got := h.past(id)
		equal(t, got[1:3], []string{"lost 0s", "lost 33s"})
		equal(t, got[6:], []string{"due 8 2m12s", "ready 8 2m12s", "started 8 2m12s", "failed 8", "dead 2m12s"})
	})
}

// A ready job far from both ends of its list is not met, and says nothing of itself that it does not know.
func TestReadyJobFarFromTheEnds(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		jobs := make([]queue.Job, 2500)
		for i := range jobs {
			jobs[i] = withDefaults(queue.Job{ID: fmt.Sprint(i), Priority: queue.Low})
		}
		_, err := h.c.EnqueueMany(h.ctx, jobs)
		h.ok(err)
		for _, n := range []int{0, 999, 1500, 2499} {
			if j := h.job(fmt.Sprint(n)); j.State != queue.Ready || j.At.IsZero() || j.Run.Ready != j.At || j.Due != j.At {
				t.Errorf("%d: %+v", n, j)
			}
		}
		if j := h.job("1250"); j.State != queue.Ready || !j.At.IsZero() || j.Run != (queue.Run{}) {
			t.Errorf("%+v", j)
		}
	})
}
