package dashboard

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// watched is a queue that was sampled before, with so many ready jobs, the first of them so old.
func watched(ready int64, oldest time.Duration) queueState {
	q := stateOf(queue.QueueInfo{Name: "sms", NextDue: -1, Ready: ready, OldestReady: oldest})
	q.rateKnown = true
	q.crew = crew{known: true, moversKnown: true, movers: 1, workers: 2, leasing: 2, slots: 20, busy: 3}
	return q
}

// times is a histogram of n times.
func times(n int64, d time.Duration) queue.Histogram {
	var h queue.Histogram
	for i := range h {
		if low, high := queue.HistogramBounds(i); d >= low && (high < 0 || d < high) {
			h[i] = n
		}
	}
	return h
}

// started is activity of n jobs that started late, promoted late by lag.
func started(n int64, late, lag time.Duration) queue.Activity {
	return queue.Activity{To: noon, Counts: queue.Counts{Started: n, Lateness: times(n, late), PromoteLag: times(n, lag)}}
}

func TestRules(t *testing.T) {
	t.Parallel()
	const sec = time.Second
	with := func(q queueState, change func(*queueState)) queueState { change(&q); return q }
	late := func(five, minute queue.Activity) queueState {
		return with(watched(0, 0), func(q *queueState) { q.five, q.minute = five, minute })
	}
	failing := func(done, failed int64) queueState {
		return late(queue.Activity{To: noon, Counts: queue.Counts{Done: done, Failed: failed}}, queue.Activity{})
	}
	dead := func(now, hour int64) queueState {
		return with(watched(0, 0), func(q *queueState) { q.Dead, q.hour.dead = now, hour })
	}
	full := func(q *queueState) { q.crew.busy = q.crew.slots }
	for name, c := range map[string]struct {
		queue queueState
		level level
		rule  string
		text  string
	}{
		"no worker": {
			with(watched(3, 3*sec), func(q *queueState) { q.crew = crew{known: true}; q.still = 3 * sec }),
			down, "no_worker", "3 jobs ready and no worker is alive that serves it",
		},
		"a worker is being started":          {with(watched(3, 2*sec), func(q *queueState) { q.crew = crew{known: true}; q.still = 9 * sec }), healthy, "", ""},
		"an old worker that nobody knows of": {with(watched(3, 4*sec), func(q *queueState) { q.crew = crew{known: true} }), healthy, "", ""},
		"workers unknown":                    {with(watched(3, 20*sec), func(q *queueState) { q.crew = crew{}; q.still = 20 * sec }), healthy, "", ""},
		"no worker, paused":                  {with(watched(3, 20*sec), func(q *queueState) { q.crew = crew{known: true}; q.still, q.Paused = 20*sec, true }), healthy, "", ""},
		"no worker, no job":                  {with(watched(0, 0), func(q *queueState) { q.crew = crew{known: true}; q.still = 20 * sec }), idle, "", ""},
		"first sample of all":                {with(watched(3, 20*sec), func(q *queueState) { q.crew, q.rateKnown = crew{known: true}, false }), healthy, "", ""},
		"all quiet": {
			with(watched(1, 4*sec), func(q *queueState) { q.crew.leasing, q.crew.slots, q.still = 0, 0, 4*sec }),
			down, "no_worker", "1 job ready and none taken: of 2 workers all are quiet",
		},
		"stalled": {
			with(watched(3, 6*sec), func(q *queueState) { q.still = 6 * sec }),
			degraded, "stalled", "stalled: 3 jobs ready, 17 of 20 slots free, and nothing was started for 6.0 s",
		},
		"slow, none free": {
			with(watched(3, 6*sec), func(q *queueState) { full(q); q.still = 7 * sec; q.crew.longest = 42 * sec }),
			degraded, "slow", "workers are slow: all 20 slots of 2 workers are busy and none became free for 7.0 s; the longest job runs for 42 s",
		},
		"slow, growing": {
			with(watched(300, 6*sec), func(q *queueState) { full(q); q.growth = 41 }),
			degraded, "slow", "workers are slow: all 20 slots of 2 workers are busy and the backlog grows by 41/s",
		},
		"busy with a batch": {with(watched(300, 20*sec), func(q *queueState) { full(q); q.growth = -41 }), healthy, "", ""},
		"slow for long": {
			with(watched(300, 40*sec), func(q *queueState) { full(q); q.growth = 41; q.Leased = 20 }),
			degraded, "slow", "workers are slow: all 20 slots of 2 workers are busy and the backlog grows by 41/s",
		},
		"late, growing": {
			with(watched(300, 192*sec), func(q *queueState) { q.growth, q.Leased = 41, 20 }),
			degraded, "oldest_ready", "oldest ready job waits 3m12s (limit 30 s), growing by 41/s: workers do not keep up",
		},
		"overdue, no scheduler": {
			with(watched(0, 0), func(q *queueState) { q.Overdue, q.OverdueAge, q.crew.movers = 2, 3*sec, 0 }),
			degraded, "overdue", "2 jobs overdue by 3.0 s: no mover is promoting: no scheduler is alive that serves it",
		},
		"overdue, the mover was killed just now": {
			with(watched(0, 0), func(q *queueState) { q.Overdue, q.OverdueAge, q.rate.Promoted, q.unmoved = 2, 2*sec, 40, 2*sec }),
			degraded, "overdue", "2 jobs overdue by 2.0 s: no mover is promoting",
		},
		"overdue, the mover promotes": {
			with(watched(0, 0), func(q *queueState) { q.Overdue, q.OverdueAge, q.rate.Promoted, q.unmoved = 2, 2*sec, 40, sec }),
			degraded, "overdue", "2 jobs overdue by 2.0 s: the mover does not keep up",
		},
		"late starts": {
			late(started(30, 3*sec, 0), started(2, 3*sec, 0)), degraded, "lateness",
			"jobs start late, p99 2.5 s over 5 min: they waited for workers, not for the scheduler (promote lag p99 0 s, ready wait p99 2.5 s)",
		},
		"late by the scheduler": {
			late(started(30, 30*sec, 30*sec), started(30, 30*sec, 30*sec)), down, "lateness",
			"jobs start late, p99 28 s over 5 min: they waited for the scheduler, not for workers (promote lag p99 28 s, ready wait p99 0 s)",
		},
		"late starts that are over": {late(started(30, 3*sec, 0), started(30, 0, 0)), idle, "", ""},
		"late starts, none since":   {late(started(30, 3*sec, 0), queue.Activity{To: noon}), idle, "", ""},
		"few late starts":           {late(started(19, 3*sec, 0), started(19, 3*sec, 0)), idle, "", ""},
		"in time":                   {late(started(30, 900*time.Millisecond, 0), started(30, 900*time.Millisecond, 0)), idle, "", ""},
		"errors":                    {failing(95, 5), degraded, "errors", "5.0 % of 100 attempts failed in 5 min"},
		"many errors":               {failing(15, 5), down, "errors", "25 % of 20 attempts failed in 5 min"},
		"few errors":                {failing(96, 4), idle, "", ""},
		"few attempts":              {failing(0, 19), idle, "", ""},
		"a job died":                {dead(9, 1), degraded, "dead", "1 job died within the hour"},
		"died and seen to":          {dead(0, 7), idle, "", ""},
		"some seen to":              {dead(2, 7), degraded, "dead", "2 jobs died within the hour"},
		"died long ago":             {dead(9, 0), idle, "", ""},
	} {
		v := judge(frameOf(c.queue), noon, defaults())
		if v.Level != c.level {
			t.Errorf("%s: %v, want %v: %v", name, v.Level, c.level, v.Findings)
			continue
		}
		if c.rule != "" && (v.Findings[0].Rule != c.rule || v.Findings[0].Text.String() != c.text) {
			t.Errorf("%s: %s %q,\nwant %s %q", name, v.Findings[0].Rule, v.Findings[0].Text, c.rule, c.text)
		}
	}
}

// TestCausesComeFirst: what explains the rest, whatever its level, and nothing is said twice.
func TestCausesComeFirst(t *testing.T) {
	t.Parallel()
	slow := watched(300, time.Hour)
	slow.crew.busy, slow.growth = slow.crew.slots, 41
	slow.five, slow.minute = started(30, time.Hour, 0), started(30, time.Hour, 0)
	sick := stateOf(queue.QueueInfo{Name: "callbacks", NextDue: -1, Dead: 1})
	sick.hour.dead = 1
	v := judge(frameOf(sick, slow), noon, defaults())
	var got []string
	for _, f := range v.Findings {
		got = append(got, f.Level.String()+" "+f.Rule)
	}
	if want := "degraded slow, down oldest_ready, down lateness, degraded dead"; strings.Join(got, ", ") != want || v.Level != down {
		t.Errorf("%v: %q", v.Level, got)
	}
	if text := v.Findings[1].Text.String(); text != "oldest ready job waits 1h00m (limit 5 min)" {
		t.Errorf("%q", text)
	}
	shown := viewVerdict(v)
	if len(shown.Wrong) != 2 || shown.Wrong[0].Level != down || len(shown.Wrong[0].Reasons) != 3 || shown.Say.String() != "Down. sms: workers are slow. callbacks: jobs have died." {
		t.Errorf("%+v %s", shown.Wrong, shown.Say)
	}
}

func TestRulesAboutServers(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for name, c := range map[string]struct {
		servers []queue.ServerInfo
		level   level
		text    string
	}{
		"unknown":     {nil, idle, ""},
		"no limit":    {[]queue.ServerInfo{{Used: 9 * gib}}, idle, ""},
		"room":        {[]queue.ServerInfo{{Used: 79, Limit: 100}}, idle, ""},
		"almost full": {[]queue.ServerInfo{{Used: 8 * gib, Limit: 10 * gib}}, degraded, "Redis's memory is full to 80 % (8.0 GiB of 10 GiB)"},
		"full":        {[]queue.ServerInfo{{Used: 95 * gib, Limit: 100 * gib}}, down, "Redis's memory is full to 95 % (95 GiB of 100 GiB): producers are refused, or soon will be"},
		"cannot save": {[]queue.ServerInfo{{Troubled: true}}, degraded, "Redis cannot save to disk: its last attempt failed"},
		"one of two":  {[]queue.ServerInfo{{}, {Err: errors.New("refused")}}, down, "1 of 2 Redis servers do not answer"},
	} {
		f := frameOf(stateOf(queue.QueueInfo{Name: "sms", NextDue: -1}))
		f.servers = c.servers
		v := judge(f, noon, defaults())
		if v.Level != c.level || c.text != "" && v.Text.String() != c.text {
			t.Errorf("%s: %v %q", name, v.Level, v.Text)
		}
	}
}

func TestThresholdsOfQueues(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Thresholds: Thresholds{ReadyDegraded: time.Minute},
		QueueThresholds: map[string]Thresholds{
			"report*": {ReadyDegraded: time.Hour, ReadyDown: 2 * time.Hour}, "*": {DeadDegraded: 7}, "reports-eu": {ErrorsDegraded: -1},
		},
	}.withDefaults(&queue.Client{})
	for name, want := range map[string]Thresholds{
		"sms":        {DeadDegraded: 7},
		"reports":    {ReadyDegraded: time.Hour, ReadyDown: 2 * time.Hour},
		"reports-eu": {ErrorsDegraded: -1},
	} {
		if got := *cfg.thresholds(name); got != want.or(cfg.Thresholds) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	cfg.QueueThresholds = nil
	if got := cfg.thresholds("sms"); got.ReadyDegraded != time.Minute || got.ReadyDown != defaultReadyDown {
		t.Errorf("%+v", got)
	}
}

// The hour of a queue is read seldom; who has just died is in the last minutes.
func TestJobsThatHaveJustDied(t *testing.T) {
	t.Parallel()
	five := queue.Activity{Queue: "sms", Counts: queue.Counts{Dead: 6}}
	for _, before := range []int64{1, 9} {
		f := frame{snapshot: snapshot{
			queues: []queueState{{reading: reading{QueueInfo: queue.QueueInfo{Name: "sms"}}}},
			slow:   slow{activity: map[string]activity{"sms": {five: five}}, hours: map[string]hour{"sms": {dead: before}}},
		}}
		f.join()
		if got := f.queues[0].hour.dead; got != max(before, 6) {
			t.Errorf("%d died within the hour, of which 6 in five minutes and %d were known: %d", max(before, 6), before, got)
		}
	}
}
