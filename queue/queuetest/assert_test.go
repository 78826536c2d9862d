package queuetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/queue/queuetest"
)

// full is a job with every field set.
func full(q *queuetest.Queue) queue.Job {
	return queue.Job{
		Queue: "sms", Kind: "sms.send", Payload: []byte("hello"), ID: "order-7", Delay: 2 * time.Hour,
		Priority: queue.High, Unique: queue.Unique{Key: "order"}, Expires: q.Now().Add(3 * time.Hour),
		OnExpiry: queue.DropExpired, MaxAttempts: 4, Backoff: []time.Duration{time.Minute}, Retain: time.Hour,
		Tags: []string{"a", "b"}, Headers: map[string]string{"trace": "1", "user": "2"},
	}
}

func TestAssertEnqueued(t *testing.T) {
	t.Parallel()
	r := &recorder{T: t}
	q := queuetest.New(r)
	job := full(q)
	enqueue(t, q, job)
	for name, want := range map[string]queue.Job{
		"all":          job,
		"any":          {Queue: "sms"},
		"kind":         {Queue: "sms", Kind: "sms.send"},
		"a tag":        {Queue: "sms", Tags: []string{"b"}},
		"a header":     {Queue: "sms", Headers: map[string]string{"user": "2"}},
		"delay, about": {Queue: "sms", Delay: 2*time.Hour + 900*time.Millisecond},
	} {
		said := r.fails(func() {
			if got := queuetest.AssertEnqueued(r, q, want); got.ID != "order-7" {
				t.Errorf("%s: got %+v", name, got)
			}
		})
		if said != "" {
			t.Errorf("%s: %s", name, said)
		}
	}
	for says, change := range map[string]func(*queue.Job){
		`kind is sms.send`:        func(j *queue.Job) { j.Kind = "sms.sent" },
		`payload is "hello"`:      func(j *queue.Job) { j.Payload = []byte("hallo") },
		`id is order-7`:           func(j *queue.Job) { j.ID = "order-8" },
		`delay is 2h0m0`:          func(j *queue.Job) { j.Delay = time.Hour },
		`due is `:                 func(j *queue.Job) { j.Delay, j.Due = 0, time.Now() },
		`priority is high`:        func(j *queue.Job) { j.Priority = queue.Low },
		`unique is order`:         func(j *queue.Job) { j.Unique.Key = "other" },
		`expires is `:             func(j *queue.Job) { j.OnExpiry = queue.RunExpired },
		`max attempts is 4`:       func(j *queue.Job) { j.MaxAttempts = 5 },
		`backoff is [1m0s]`:       func(j *queue.Job) { j.Backoff = []time.Duration{time.Hour} },
		`retain is 1h0m0s`:        func(j *queue.Job) { j.Retain = -1 },
		`tags is [a b]`:           func(j *queue.Job) { j.Tags = []string{"a", "c"} },
		`header trace is 1`:       func(j *queue.Job) { j.Headers = map[string]string{"trace": "9"} },
		`header missing is `:      func(j *queue.Job) { j.Headers = map[string]string{"missing": ""} },
		`no such job:`:            func(j *queue.Job) { j.Kind = "x" },
		`delayed order-7 kind sm`: func(j *queue.Job) { j.Kind = "x" },
		`due in 2h0m0s`:           func(j *queue.Job) { j.Kind = "x" },
		`the queue is empty`:      func(j *queue.Job) { j.Queue = "none" },
	} {
		want := full(q)
		want.Expires = job.Expires
		change(&want)
		said := r.fails(func() { queuetest.AssertEnqueued(r, q, want) })
		if !strings.Contains(said, strings.TrimSuffix(says, "s")) {
			t.Errorf("%q is not in: %s", says, said)
		}
	}
}

// The message of a failure is for people.
func TestAssertMessage(t *testing.T) {
	t.Parallel()
	r := &recorder{T: t}
	q := queuetest.New(r)
	ids := enqueue(t, q, queue.Job{Queue: "sms", Kind: "sms.send", Payload: []byte("+49")}, queue.Job{Queue: "sms", Kind: "sms.cancel", Payload: []byte("+1")})
	said := r.fails(func() {
		queuetest.AssertEnqueued(r, q, queue.Job{Queue: "sms", Kind: "sms.send", Payload: []byte("+1")})
	})
	want := fmt.Sprintf(`queuetest: queue sms has no such job:
  want kind sms.send, payload "+1"
  have 2:
    ready %s kind sms.send, payload "+49"
      payload is "+49"
    ready %s kind sms.cancel, payload "+1"
      kind is sms.cancel
`, ids[0], ids[1])
	if said != want {
		t.Errorf("said\n%swant\n%s", said, want)
	}
	for range 20 {
		enqueue(t, q, queue.Job{Queue: "many", Kind: "k", Payload: make([]byte, 1000)})
	}
	said = r.fails(func() { queuetest.AssertEnqueued(r, q, queue.Job{Queue: "many", Kind: "x"}) })
	if !strings.Contains(said, "and 10 more") || !strings.Contains(said, "and 800 bytes more") || len(said) > 20_000 {
		t.Errorf("said %s", said)
	}
}

func TestAssertNotEnqueued(t *testing.T) {
	t.Parallel()
	r := &recorder{T: t}
	q := queuetest.New(r)
	enqueue(t, q, queue.Job{Queue: "sms", Kind: "sms.send", Delay: time.Hour})
	for name, c := range map[string]struct {
		want  queue.Job
		fails bool
	}{
		"there":         {queue.Job{Queue: "sms", Kind: "sms.send"}, true},
		"any":           {queue.Job{Queue: "sms"}, true},
		"another kind":  {queue.Job{Queue: "sms", Kind: "sms.cancel"}, false},
		"another queue": {queue.Job{Queue: "mail"}, false},
	} {
		said := r.fails(func() { queuetest.AssertNotEnqueued(r, q, c.want) })
		if (said != "") != c.fails {
			t.Errorf("%s: said %q", name, said)
		}
	}
}

// Delay is what the producer said, however often the clock was moved before and after.
func TestAssertDelayOnAMovedClock(t *testing.T) {
	t.Parallel()
	q := queuetest.New(t)
	for i := range 20 {
		q.Advance(time.Hour)
		id := fmt.Sprint("own-", i)
		job := queue.Job{Queue: "q", Kind: "k", Delay: time.Duration(i+30) * time.Hour, ID: id}
		enqueue(t, q, job, queue.Job{Queue: "q", Kind: "generated", Delay: job.Delay})
		queuetest.AssertEnqueued(t, q, job)
		queuetest.AssertEnqueued(t, q, queue.Job{Queue: "q", Kind: "generated", Delay: job.Delay})
	}
	q.Advance(time.Hour)
	queuetest.AssertEnqueued(t, q, queue.Job{Queue: "q", Kind: "k", ID: "own-0", Delay: 30 * time.Hour})
	queuetest.AssertNotEnqueued(t, q, queue.Job{Queue: "q", ID: "own-0", Delay: 29 * time.Hour})
}
