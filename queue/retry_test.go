package queue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/dueq-io/dueq/queue"
)

// Row 3: an endpoint that fails twice is tried at 0, 2 and 12 minutes, to the ms, each attempt knows its
// number and what went wrong before, and success ends it.
func TestRetryByTable(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		table := []time.Duration{2 * time.Minute, 10 * time.Minute}
		id := h.enqueue(queue.Job{Queue: sms, Backoff: table})
		for attempt, wait := range table {
			d := h.leaseOne()
			if d.Attempt != attempt+1 || d.Failures != attempt || len(d.Errors) != attempt {
				t.Fatalf("attempt %d: %+v", attempt+1, d)
			}
			h.counted(map[string]int64{"retry": 1}, func() {
				h.ok(h.b.Retry(h.ctx, d, d.Backoff[attempt], fmt.Errorf("503 at attempt %d", d.Attempt)))
			})
			h.wantState(id, queue.Retrying)
			h.advance(wait - time.Millisecond)
			h.promote(0)
			h.advance(time.Millisecond)
			h.promote(1)
		}
		d := h.leaseOne()
		if d.Attempt != 3 || d.Lateness() != 0 || d.Errors[0].Error != "503 at attempt 2" || d.Errors[1].Attempt != 1 {
			t.Fatalf("attempt 3: %+v", d)
		}
		if at := d.LeasedAt.Sub(queue.FrozenAt); at != 12*time.Minute {
			t.Fatalf("attempt 3 at %v", at)
		}
		h.ok(h.b.Ack(h.ctx, d))
		h.traceless(id)
	})
}

// The errors are for people: the newest five, each cut at 4 KiB between two characters, and always UTF-8.
func TestRetryKeepsTheLastErrors(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		causes := []error{
			errors.New("first"), nil, errors.New("third\n\x00\x1b \"quoted\" %s"), errors.New("broken \xff\xfe"),
			errors.New(strings.Repeat("ü", 4<<10)), errors.New(""), errors.New("last"),
		}
		id := h.enqueue(queue.Job{})
		for _, cause := range causes {
			h.ok(h.b.Retry(h.ctx, h.leaseOne(), 0, cause))
			h.promote(1)
		}
		info := h.job(id)
		if info.Failures != len(causes) || len(info.Errors) != 5 {
			t.Fatalf("%d failures, %d errors", info.Failures, len(info.Errors))
		}
		for i, attempt := range []int{7, 6, 5, 4, 3} {
			if f := info.Errors[i]; f.Attempt != attempt || !utf8.ValidString(f.Error) || f.At.IsZero() {
				t.Errorf("error %d: %+v", i, f)
			}
		}
		if text := info.Errors[2].Error; len(text) != 4<<10 || strings.Trim(text, "ü") != "" {
			t.Errorf("a long error is kept as %d bytes", len(text))
		}
		if text := info.Errors[4].Error; text != causes[2].Error() {
			t.Errorf("kept %q", text)
		}
	})
}

// A retry leaves the ready list: a job that fails at the head does not hold up those behind it.
func TestRetryBlocksNobody(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.enqueue(queue.Job{ID: "fails"})
		h.enqueue(queue.Job{ID: "behind"})
		h.ok(h.b.Retry(h.ctx, h.lease(1)[0], 0, nil))
		h.promote(1)
		equal(t, idsOf(h.lease(5)), []string{"behind", "fails"})
	})
}

// The mover hears of a retry that is due before all others.
func TestRetryTicks(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for range 3 {
			h.enqueue(queue.Job{})
		}
		for i, d := range h.lease(3) {
			h.ok(h.rdb.Del(h.ctx, h.key("tick")).Err())
			h.ok(h.b.Retry(h.ctx, d, []time.Duration{time.Hour, 2 * time.Hour, time.Minute}[i], nil))
			if n := h.rdb.LLen(h.ctx, h.key("tick")).Val(); (n == 1) != (i != 1) {
				t.Errorf("retry %d: %d ticks", i, n)
			}
		}
	})
}
