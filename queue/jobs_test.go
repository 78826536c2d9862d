package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// all reads every page of a query.
func (h *harness) all(q queue.Query) []string {
	h.t.Helper()
	var ids []string
	for pages := 0; ; pages++ {
		page, err := h.in.Jobs(h.ctx, sms, q)
		h.ok(err)
		if limit := max(q.Limit, 1); q.State != "" && len(page.Jobs) > limit && q.Limit > 0 {
			h.t.Fatalf("a page of %d jobs, want at most %d", len(page.Jobs), limit)
		}
		for _, job := range page.Jobs {
			ids = append(ids, job.ID)
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return ids
		}
		if pages > 1000 {
			h.t.Fatal("the pages never end")
		}
	}
}

// fill brings n jobs into a state, a second apart, and returns their ids in the order of a list.
func (h *harness) fill(state queue.State, n int) []string {
	h.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%02d", state, i)
		if state == queue.Ready {
			h.enqueue(queue.Job{ID: ids[i]})
		} else {
			h.place(state, queue.Job{ID: ids[i]})
		}
		h.advance(time.Second)
	}
	if state == queue.Dead {
		slices.Reverse(ids) // newest first
	}
	return ids
}

// The pages of a state have its jobs in order, each once, whatever their size; no other state's job is
// among them.
func TestJobsPages(t *testing.T) {
	for _, state := range queue.States() {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				want := h.fill(state, 12)
				h.enqueue(queue.Job{ID: "other", Delay: 100 * time.Hour})
				if state == queue.Delayed {
					want = append(want, "other")
				}
				h.unchanged(func() {
					for _, limit := range []int{1, 5, 12, 13, 0} {
						equal(t, h.all(queue.Query{State: state, Limit: limit}), want)
					}
				})
				every := h.all(queue.Query{})
				if slices.Sort(every); len(every) < 13 || len(slices.Compact(every)) < 13 {
					t.Errorf("everywhere: %v", every)
				}
			})
		})
	}
}

// Ready jobs are listed as they will run, across the priorities, without the ghosts among them.
func TestJobsReady(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for i := range 4 {
			for _, p := range []queue.Priority{queue.Low, queue.Normal, queue.High} {
				h.enqueue(queue.Job{ID: fmt.Sprintf("%s%d", p, i), Priority: p})
			}
			h.enqueue(queue.Job{ID: fmt.Sprintf("ghost%d", i)})
			h.ok(h.c.Cancel(h.ctx, sms, fmt.Sprintf("ghost%d", i)))
		}
		want := []string{
			"high0", "high1", "high2", "high3", "normal0", "normal1", "normal2", "normal3", "low0", "low1", "low2", "low3",
		}
		for _, limit := range []int{0, 1, 3, 5} {
			equal(t, h.all(queue.Query{State: queue.Ready, Limit: limit}), want)
		}
		page, err := h.in.Jobs(h.ctx, sms, queue.Query{State: queue.Ready})
		h.ok(err)
		for _, job := range page.Jobs {
			if !job.At.Equal(queue.FrozenAt) {
				t.Errorf("%s became due at %v", job.ID, job.At)
			}
		}
		equal(t, idsOf(h.lease(20)), want)
	})
}

// Row 22: tags and kinds are found by a scan with a bound, whose pages together find every match once
// and no page holds more than its limit.
func TestJobsByTagAndKind(t *testing.T) {
	for _, state := range []queue.State{queue.Delayed, queue.Ready, ""} {
		t.Run("state "+string(state), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				delay := map[queue.State]time.Duration{queue.Delayed: time.Hour}[state]
				var tagged, both []string
				for i := range 60 {
					job := queue.Job{ID: fmt.Sprintf("job-%02d", i), Delay: delay, Kind: []string{"sms.a", "sms.b"}[i%2]}
					if i%3 == 0 {
						job.Tags = []string{"x", "vip"}
						tagged = append(tagged, job.ID)
						if i%2 == 1 {
							both = append(both, job.ID)
						}
					}
					h.enqueue(job)
				}
				for _, q := range []queue.Query{{Limit: 3}, {Limit: 3, Scan: 7}, {Scan: 10}, {}, {Limit: 500, Scan: 1}} {
					q.State, q.Tag = state, "vip"
					got := h.all(q)
					slices.Sort(got)
					equal(t, got, tagged)
					q.Kind = "sms.b"
					got = h.all(q)
					slices.Sort(got)
					equal(t, got, both)
				}
				if got := h.all(queue.Query{State: state, Tag: "no-such-tag"}); len(got) != 0 {
					t.Errorf("found %v", got)
				}
			})
		})
	}
}

// One call looks at no more than it was told to.
func TestJobsScanIsBounded(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		h.fill(queue.Ready, 50)
		page, err := h.in.Jobs(h.ctx, sms, queue.Query{State: queue.Ready, Tag: "none", Scan: 20})
		h.ok(err)
		if page.Scanned != 20 || page.Cursor == "" || len(page.Jobs) != 0 {
			t.Fatalf("page %+v", page)
		}
	})
}

// A job that is not there is an error of its own; a cursor past the end is an empty page.
func TestJobsAtTheEdges(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		if _, err := h.in.Job(h.ctx, sms, "none"); !errors.Is(err, queue.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		h.enqueue(queue.Job{})
		for _, state := range queue.States() {
			page, err := h.in.Jobs(h.ctx, sms, queue.Query{State: state, Cursor: "1000000"})
			if err != nil || len(page.Jobs) != 0 || page.Cursor != "" {
				t.Errorf("%s: %+v, %v", state, page, err)
			}
		}
	})
}

// A range of times selects what is due in it, or died in it, from its beginning to before its end, over
// pages of any size.
func TestJobsInARange(t *testing.T) {
	for _, state := range []queue.State{queue.Delayed, queue.Retrying, queue.Dead} {
		t.Run(string(state), func(t *testing.T) {
			onEach(t, func(t *testing.T, h *harness) {
				h.fill(state, 6)
				every := h.all(queue.Query{State: state})
				at := make([]time.Time, len(every))
				for i, id := range every {
					info, err := h.in.Job(h.ctx, sms, id)
					h.ok(err)
					at[i] = info.At
				}
				want := every[1:4]
				from, to := at[1], at[4]
				if state == queue.Dead { // newest first
					from, to = at[3], at[0]
				}
				for _, limit := range []int{1, 2, 100} {
					equal(t, h.all(queue.Query{State: state, DueFrom: from, DueTo: to, Limit: limit}), want)
				}
				equal(t, h.all(queue.Query{State: state, DueFrom: to, DueTo: from}), nil)
				equal(t, h.all(queue.Query{State: state, DueTo: time.UnixMilli(1)}), nil)
				equal(t, h.all(queue.Query{State: state, DueFrom: to.Add(time.Hour)}), nil)
				equal(t, h.all(queue.Query{State: state, DueFrom: time.UnixMilli(0), DueTo: to.Add(time.Hour)}), every)
			})
		})
	}
}

// Match is asked only about jobs of the kind, and what it declines counts as looked at.
func TestJobsThatMatch(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		want := h.fill(queue.Dead, 12)[3:5]
		query := queue.Query{State: queue.Dead, Scan: 4, Match: func(j *queue.JobInfo) bool { return slices.Contains(want, j.ID) }}
		equal(t, h.all(query), want)
		page, err := h.in.Jobs(h.ctx, sms, query)
		if h.ok(err); len(page.Jobs) != 1 || page.Scanned != 4 {
			t.Errorf("%d jobs of %d", len(page.Jobs), page.Scanned)
		}
		query.Kind, query.Match = "none", func(*queue.JobInfo) bool { t.Error("asked about another kind"); return true }
		equal(t, h.all(query), nil)
	})
}

func TestFind(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		for _, name := range []string{"b", "a", sms} {
			h.enqueue(queue.Job{Queue: name, ID: "shared"})
		}
		h.enqueue(queue.Job{ID: "a/b?c"})
		find := func(id string, queues ...string) []string {
			found, err := h.in.Find(h.ctx, id, queues...)
			h.ok(err)
			return found
		}
		h.unchanged(func() {
			equal(t, find("shared"), []string{"a", "b", sms})
			equal(t, find("shared", sms, "none", "a"), []string{sms, "a"})
			equal(t, find("a/b?c"), []string{sms})
			equal(t, find("none"), nil)
		})
		for _, id := range []string{"", "a b", "ü"} {
			if _, err := h.in.Find(h.ctx, id); !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%q: %v", id, err)
			}
		}
	})
}
