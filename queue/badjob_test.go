package queue_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// badJobs are the jobs that Enqueue refuses before it sends anything, by what is wrong with them.
func badJobs() map[string]queue.Job {
	year := 365 * 24 * time.Hour
	text := func(n int) string { return strings.Repeat("x", n) }
	jobs := map[string]queue.Job{
		"kind: over-long":            {Kind: text(129)},
		"kind: control character":    {Kind: "a\nb"},
		"kind: no UTF-8":             {Kind: "\xff"},
		"id: over-long":              {ID: text(129)},
		"id: space":                  {ID: "a b"},
		"id: line feed":              {ID: "a\n"},
		"id: not ASCII":              {ID: "é"},
		"Due and Delay":              {Due: time.Now(), Delay: time.Second},
		"Delay: negative":            {Delay: -1},
		"Delay: over a year":         {Delay: year + 1},
		"Due: over a year":           {Due: time.Now().Add(year + time.Minute)},
		"Due: before 1970":           {Due: time.Unix(-1, 0)},
		"Expires: before 1970":       {Expires: time.Unix(-1, 0)},
		"OnExpiry without Expires":   {OnExpiry: queue.DropExpired},
		"OnExpiry: unknown":          {Expires: time.Now(), OnExpiry: 3},
		"Backoff: too many":          {Backoff: make([]time.Duration, 65)},
		"Backoff: negative":          {Backoff: []time.Duration{-1}},
		"Backoff: over a year":       {Backoff: []time.Duration{year + 1}},
		"Retain: over a year":        {Retain: year + 1},
		"Priority: unknown":          {Priority: 3},
		"Priority: negative":         {Priority: -1},
		"IfExists: unknown":          {ID: "a", IfExists: 2},
		"Replace without ID":         {IfExists: queue.Replace},
		"MaxAttempts: negative":      {MaxAttempts: -1},
		"MaxAttempts: over-large":    {MaxAttempts: 1_000_001},
		"unique: scope without key":  {Unique: queue.Unique{Scope: queue.UntilStarted}},
		"unique: over-long key":      {Unique: queue.Unique{Key: text(257)}},
		"unique: line feed":          {Unique: queue.Unique{Key: "a\nb"}},
		"unique: unknown scope":      {Unique: queue.Unique{Key: "a", Scope: 3}},
		"unique: no window":          {Unique: queue.Unique{Key: "a", Scope: queue.ForWindow}},
		"unique: window for nothing": {Unique: queue.Unique{Key: "a", Window: time.Minute}},
		"tags: too many":             {Tags: slices.Repeat([]string{"t"}, 17)},
		"tags: empty":                {Tags: []string{""}},
		"tags: over-long":            {Tags: []string{text(65)}},
		"headers: no name":           {Headers: map[string]string{"": "v"}},
		"headers: over-large":        {Headers: map[string]string{"n": text(8 << 10)}},
		"headers: too many":          {Headers: map[string]string{}},
	}
	for i := range 33 {
		jobs["headers: too many"].Headers[text(i+1)] = ""
	}
	for what, job := range jobs {
		jobs[what] = withDefaults(job)
	}
	jobs["kind: empty"] = queue.Job{Queue: sms}
	for _, name := range []string{"", "a b", "a{b}", "a:b", "a#1", "ü", "a\n", text(65)} {
		jobs["queue: "+name] = queue.Job{Queue: name, Kind: "k"}
	}
	return jobs
}

// A job that is not well-formed gets a clear error, and nothing of it reaches Redis.
func TestEnqueueBadJob(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for what, job := range badJobs() {
			id, err := h.c.Enqueue(h.ctx, job)
			if !errors.Is(err, queue.ErrInvalid) || id != "" {
				t.Errorf("%s: id %q, %v", what, id, err)
			}
			if results, err := h.c.EnqueueMany(h.ctx, []queue.Job{job}); !errors.Is(err, queue.ErrInvalid) || results[0].ID != "" {
				t.Errorf("%s, in a batch: %v", what, err)
			}
		}
		if keys := h.keys(); len(keys) > 0 {
			t.Errorf("left %v", keys)
		}
	})
}

// An error names all that is wrong, not only the first of it.
func TestEnqueueNamesAllThatIsWrong(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		_, err := h.c.Enqueue(h.ctx, queue.Job{Queue: "a b", Delay: -1, Tags: []string{""}})
		for _, part := range []string{`queue "a b"`, "kind", "Delay", "tag"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("no word of %s in: %v", part, err)
			}
		}
	})
}

// What stands at a limit is within it.
func TestEnqueueAtTheLimits(t *testing.T) {
	year := 365 * 24 * time.Hour
	text := strings.Repeat("x", 256)
	headers := map[string]string{}
	for i := range 32 {
		headers[text[:i+1]] = ""
	}
	good := []queue.Job{
		{Kind: text[:128], ID: text[:128], Delay: year, Retain: year, MaxAttempts: 1_000_000},
		{Queue: text[:64], Tags: slices.Repeat([]string{text[:64]}, 16), Headers: headers},
		{Headers: map[string]string{"n": strings.Repeat("v", 8<<10-1)}, Backoff: slices.Repeat([]time.Duration{year}, 64)},
		{Unique: queue.Unique{Key: text, Scope: queue.ForWindow, Window: year}, Due: time.Now().Add(year - time.Minute)},
		{Unique: queue.Unique{Key: "w", Scope: queue.ForWindow, Window: time.Millisecond}, ID: "!~"},
	}
	onEach(t, func(_ *testing.T, h *harness) {
		for _, job := range good {
			h.ok(h.try(job))
		}
	})
}

// Row 50: the largest payload goes in, one byte more does not leave the process.
func TestEnqueuePayloadLimit(t *testing.T) {
	for name, limit := range map[string]int{"default": 0, "4MiB": 4 << 20} {
		t.Run(name, func(t *testing.T) {
			onEachWith(t, queue.Config{MaxPayload: limit}, func(t *testing.T, h *harness) {
				size := max(limit, 1<<20)
				h.refused(queue.ErrTooLarge, func() error { return h.try(queue.Job{Payload: make([]byte, size+1)}) })
				if len(h.keys()) > 0 {
					t.Fatalf("left %v", h.keys())
				}
				h.enqueue(queue.Job{Payload: make([]byte, size)})
				if d := h.leaseOne(); len(d.Payload) != size {
					t.Fatalf("payload of %d bytes", len(d.Payload))
				}
			})
		})
	}
}

// Every other verb checks its arguments too, before it sends anything.
func TestBadArguments(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		d := h.place(queue.Leased, queue.Job{}).d
		calls := map[string]func() error{
			"lease: queue":       func() error { _, _, err := h.b.Lease(h.ctx, "a b", 1, leaseTime); return err },
			"lease: none":        func() error { _, _, err := h.b.Lease(h.ctx, sms, 0, leaseTime); return err },
			"lease: too many":    func() error { _, _, err := h.b.Lease(h.ctx, sms, 501, leaseTime); return err },
			"lease: short":       func() error { _, _, err := h.b.Lease(h.ctx, sms, 1, time.Second-1); return err },
			"lease: long":        func() error { _, _, err := h.b.Lease(h.ctx, sms, 1, time.Hour+1); return err },
			"extend: short":      func() error { _, err := h.b.Extend(h.ctx, []*queue.Delivery{d}, 0); return err },
			"retry: negative":    func() error { return h.b.Retry(h.ctx, d, -1, nil) },
			"snooze: negative":   func() error { return h.b.Snooze(h.ctx, d, -1) },
			"snooze: long":       func() error { return h.b.Snooze(h.ctx, d, 366*24*time.Hour) },
			"bury: reason":       func() error { return h.b.Bury(h.ctx, d, "tired", nil) },
			"bury: dropped":      func() error { return h.b.Bury(h.ctx, d, "dropped", nil) },
			"ack: no lease":      func() error { return h.b.Ack(h.ctx, &queue.Delivery{Job: queue.Job{Queue: sms, ID: "a"}}) },
			"promote: queue":     func() error { _, err := h.b.Promote(h.ctx, "", 1); return err },
			"promote: limit":     func() error { _, err := h.b.Promote(h.ctx, sms, 501); return err },
			"reap: limit":        func() error { _, err := h.b.Reap(h.ctx, sms, queue.ReapConfig{Limit: -1}); return err },
			"purge: limit":       func() error { _, err := h.b.Purge(h.ctx, sms, queue.PurgeConfig{Limit: 501}); return err },
			"cancel: id":         func() error { return h.c.Cancel(h.ctx, sms, "") },
			"cancel: queue":      func() error { return h.c.Cancel(h.ctx, "a b", "a") },
			"reschedule: delay":  func() error { return h.c.Reschedule(h.ctx, sms, "a", -1) },
			"reschedule: due":    func() error { return h.c.RescheduleAt(h.ctx, sms, "a", time.Now().Add(400*24*time.Hour)) },
			"requeue: id":        func() error { return h.in.Requeue(h.ctx, sms, "a\n") },
			"marked: queue":      func() error { _, err := h.b.Marked(h.ctx, "a b", "m"); return err },
			"pause: queue":       func() error { return h.in.Pause(h.ctx, "a b") },
			"max len: negative":  func() error { return h.in.SetMaxLen(h.ctx, sms, -1) },
			"job: id":            func() error { _, err := h.in.Job(h.ctx, sms, ""); return err },
			"jobs: state":        func() error { _, err := h.in.Jobs(h.ctx, sms, queue.Query{State: "asleep"}); return err },
			"jobs: limit":        func() error { _, err := h.in.Jobs(h.ctx, sms, queue.Query{Limit: 501}); return err },
			"jobs: scan":         func() error { _, err := h.in.Jobs(h.ctx, sms, queue.Query{Scan: 10_001}); return err },
			"jobs: cursor":       func() error { _, err := h.in.Jobs(h.ctx, sms, queue.Query{Cursor: "x"}); return err },
			"queue: name":        func() error { _, err := h.in.Queue(h.ctx, "a b"); return err },
			"wait: queue":        func() error { _, err := h.b.WaitReady(h.ctx, []string{"a b"}, time.Second); return err },
			"any: queue":         func() error { _, err := h.b.AnyReady(h.ctx, []string{"a b"}); return err },
			"wake: queue":        func() error { return h.b.WakeReady(h.ctx, "a b") },
			"release: no lease":  func() error { return h.b.Release(h.ctx, &queue.Delivery{}) },
			"extend: no lease":   func() error { _, err := h.b.Extend(h.ctx, []*queue.Delivery{{}}, leaseTime); return err },
			"drop: no lease":     func() error { return h.b.Drop(h.ctx, &queue.Delivery{}) },
			"retry: over a year": func() error { return h.b.Retry(h.ctx, d, 366*24*time.Hour, nil) },
		}
		h.unchanged(func() {
			for _, what := range slices.Sorted(maps.Keys(calls)) {
				if err := calls[what](); !errors.Is(err, queue.ErrInvalid) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	})
}
