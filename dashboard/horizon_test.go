package dashboard

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dueq-io/dueq/queue"
)

// partOf is the horizon of a queue with so many jobs due in each of its first bars.
func partOf(r reach, due ...int64) *queue.Horizon {
	h := &queue.Horizon{Queue: "sms", Now: noon, Bars: make([]queue.Bar, r.bars)}
	from := noon
	for i := range h.Bars {
		h.Bars[i].From, h.Bars[i].To = from, from.Add(r.step)
		from = h.Bars[i].To
		if i < len(due) {
			h.Bars[i].Delayed = due[i]
		}
	}
	return h
}

func TestHorizonForetellsBacklog(t *testing.T) {
	t.Parallel()
	hour := reachOf("1h")
	for name, c := range map[string]struct {
		due     []int64
		ready   int64
		perMin  float64
		paused  bool
		jobs    float64
		at, end int
		outlook string
	}{
		"nothing":            {nil, 0, 0, false, 0, 0, 0, "nothing is coming up"},
		"nothing known":      {[]int64{0, 9}, 0, 0, false, 0, 0, 0, "no job ran in the last hour"},
		"enough":             {[]int64{100, 100}, 0, 100, false, 0, 0, 0, "no backlog expected: capacity at least 100 a minute"},
		"burst":              {[]int64{0, 250}, 0, 100, false, 150, 1, 3, "up to 150 at 12:02 UTC, clear by 12:04"},
		"ready counts":       {nil, 250, 100, false, 150, 0, 2, "up to 150 at 12:01 UTC, clear by 12:03"},
		"two bursts":         {[]int64{150, 50, 0, 300}, 0, 100, false, 200, 3, 5, "up to 200 at 12:04 UTC, clear by 12:06"},
		"never clear":        {[]int64{100_000}, 0, 1, false, 99_999, 0, 60, "not clear before 13:00"},
		"nobody works on it": {[]int64{9}, 9, 100, true, 0, 0, 0, "no job ran in the last hour"},
	} {
		h := &horizon{reach: hour}
		h.add(partOf(hour, c.due...), c.ready, c.perMin/60, c.paused)
		jobs, at, end := h.peak()
		if jobs-c.jobs > 1e-6 || c.jobs-jobs > 1e-6 || (c.jobs > 0 && at != c.at) || end != c.end {
			t.Errorf("%s: %v jobs at %d, clear at %d", name, jobs, at, end)
		}
		if text := h.outlook().String(); !strings.Contains(text, c.outlook) {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// TestHorizonOfQueuesIsTheirSum: a queue that could do more does not do the work of another.
func TestHorizonOfQueuesIsTheirSum(t *testing.T) {
	t.Parallel()
	hour := reachOf("1h")
	h := &horizon{reach: hour}
	h.add(partOf(hour, 200), 0, 100.0/60, false)
	h.add(partOf(hour, 10), 0, 1000.0/60, false)
	h.add(partOf(hour, 7), 0, 0, false)
	jobs, _, _ := h.peak()
	if int(jobs+0.5) != 100 || int(h.capacity+0.5) != 1100 || h.blind != 1 || h.Bars[0].Delayed != 217 {
		t.Errorf("%v jobs, capacity %v, %d blind, %v", jobs, h.capacity, h.blind, h.Bars[0])
	}
}

// TestChartHasEachJobOnce: what is drawn and written is what was counted, whatever that is.
func TestChartHasEachJobOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom(reaches).Draw(t, "reach")
		jobs := rapid.Custom(func(t *rapid.T) queue.WaitingJobs {
			n := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 9), rapid.Int64Range(0, 1<<40))
			return queue.WaitingJobs{Delayed: n.Draw(t, "delayed"), Retrying: n.Draw(t, "retrying")}
		})
		part := partOf(r)
		part.Overdue, part.Later = jobs.Draw(t, "overdue"), jobs.Draw(t, "later")
		want := plusWaiting(part.Overdue, part.Later)
		for i := range part.Bars {
			part.Bars[i].WaitingJobs = jobs.Draw(t, "bar")
			want = plusWaiting(want, part.Bars[i].WaitingJobs)
		}
		h := &horizon{reach: r}
		h.add(part, rapid.Int64Range(0, 1<<30).Draw(t, "ready"), rapid.Float64Range(0, 1e6).Draw(t, "capacity"), false)
		c := h.chart()
		drawn, written := part.Later, queue.WaitingJobs{}
		for _, b := range append([]chartBar{c.Overdue}, c.Bars...) {
			drawn = plusWaiting(drawn, queue.WaitingJobs{Delayed: b.Delayed.Jobs, Retrying: b.Retrying.Jobs})
			for _, p := range []chartPart{b.Delayed, b.Retrying} {
				if (p.Jobs > 0) != (p.H > 0) || p.Y < 0 || p.Y+p.H > chartHeight+chartLeast || b.X < 0 || b.X+b.W > chartWidth {
					t.Fatalf("drawn outside: %+v", b)
				}
			}
		}
		for _, row := range c.Rows {
			written = plusWaiting(written, queue.WaitingJobs{Delayed: row.Delayed.Jobs, Retrying: row.Retrying.Jobs})
		}
		if drawn != want || written != want {
			t.Fatalf("drawn %+v, in the table %+v, want %+v", drawn, written, want)
		}
	})
}

func TestReachOfAnythingElse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "1000000d", "<script>", "1h "} {
		if r := reachOf(name); r.name != "1h" {
			t.Errorf("%q: %s", name, r.name)
		}
	}
	for _, r := range reaches {
		h := &horizon{reach: r}
		h.add(partOf(r), 0, 0, false)
		axis := h.axis()
		if last := axis[len(axis)-1].String(); last != "+"+formatLimit(time.Duration(r.bars)*r.step) {
			t.Errorf("%s: %q", r.name, last)
		}
	}
}
