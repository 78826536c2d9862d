package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// A rule looks at one signal of a queue and returns what is wrong, or nothing.
type rule func(q *queueState, limits *Thresholds) (finding, bool)

// rules are in the order in which they explain one another: what stops a queue comes before what follows
// from that.
var rules = []rule{overdueRule, workersRule, oldestRule, latenessRule, errorsRule, deadRule, fullRule}

const (
	// noWorkerAfter is how long a job may be ready without any worker: long enough for one that is started
	// anew.
	noWorkerAfter = 3 * time.Second
	// stuckAfter is how long jobs may be ready while none is started.
	stuckAfter = 5 * time.Second
	// unmovedAfter is how long a mover that lives may promote nothing while jobs are overdue.
	unmovedAfter = 1500 * time.Millisecond
	// judgedFrom is how many attempts a share or a percentile needs to mean something.
	judgedFrom = 20
)

func overdueRule(q *queueState, limits *Thresholds) (finding, bool) {
	l := exceeds(q.OverdueAge, limits.OverdueDegraded, limits.OverdueDown)
	if q.Overdue == 0 || l == healthy {
		return finding{}, false
	}
	why := say("no mover is promoting")
	switch {
	case q.rateKnown && q.rate.Promoted > 0 && q.unmoved < unmovedAfter:
		why = say("the mover does not keep up")
	case q.crew.moversKnown && q.crew.movers == 0:
		why = say("no mover is promoting: no scheduler is alive that serves it")
	}
	return finding{
		Level: l, Rule: "overdue", Say: why,
		Text: say("%s overdue by %s: %s", formatJobs(q.Overdue), formatSpan(q.OverdueAge), why),
	}, true
}

// workersRule finds a queue that nobody works on, or that is stuck, long before its oldest job is late by
// the limit.
func workersRule(q *queueState, _ *Thresholds) (finding, bool) {
	c := &q.crew
	if q.Ready == 0 || q.Paused || !c.known || !q.rateKnown {
		return finding{}, false
	}
	found := func(l level, name string, said, text phrase) (finding, bool) {
		return finding{Level: l, Rule: name, Say: said, Text: text}, true
	}
	switch {
	case c.workers == 0 && q.OldestReady >= noWorkerAfter && q.still >= noWorkerAfter:
		return found(down, "no_worker", say("no worker is alive"),
			say("%s ready and no worker is alive that serves it", formatJobs(q.Ready)))
	case c.leasing == 0 && q.OldestReady >= noWorkerAfter && q.still >= noWorkerAfter:
		return found(down, "no_worker", say("all workers are quiet"),
			say("%s ready and none taken: of %s all are quiet", formatJobs(q.Ready), formatWorkers(c.workers)))
	case c.leasing == 0 || q.OldestReady < stuckAfter:
		return finding{}, false
	case c.full() && (q.growth > 0 || q.still >= stuckAfter):
		return found(degraded, "slow", say("workers are slow"), slowText(q))
	case q.still >= stuckAfter:
		return found(degraded, "stalled", say("stalled: nothing is started"),
			say("stalled: %s ready, %d of %d slots free, and nothing was started for %s",
				formatJobs(q.Ready), c.slots-c.busy, c.slots, formatSpan(q.still)))
	}
	return finding{}, false
}

func slowText(q *queueState) phrase {
	c := &q.crew
	text := say("workers are slow: all %d slots of %s are busy", c.slots, formatWorkers(c.leasing))
	if q.still >= stuckAfter {
		text = say("%s and none became free for %s", text, formatSpan(q.still))
	} else {
		text = say("%s and the backlog grows by %s/s", text, formatRate(q.growth))
	}
	if c.longest >= time.Second {
		text = say("%s; the longest job runs for %s", text, formatSpan(c.longest))
	}
	return text
}

func oldestRule(q *queueState, limits *Thresholds) (finding, bool) {
	l := exceeds(q.OldestReady, limits.ReadyDegraded, limits.ReadyDown)
	if q.Ready == 0 || q.Paused || l == healthy {
		return finding{}, false
	}
	limit := limits.ReadyDegraded
	if l == down {
		limit = limits.ReadyDown
	}
	why := say("workers do not keep up")
	if q.Leased == 0 && q.rate.Out == 0 {
		why = say("no worker takes jobs")
	}
	text := say("oldest ready job waits %s (limit %s)", formatSpan(q.OldestReady), formatLimit(limit))
	if _, explained := workersRule(q, limits); explained {
		return finding{Level: l, Rule: "oldest_ready", Say: say("jobs wait for too long"), Text: text}, true
	}
	if q.rateKnown && q.growth > 0 {
		text = say("%s, growing by %s/s", text, formatRate(q.growth))
	}
	return finding{Level: l, Rule: "oldest_ready", Say: why, Text: say("%s: %s", text, why)}, true
}

// latenessRule judges jobs that have started. It is silent when none starts, which is what the rules above
// are for, and when those of the last minute were in time again.
func latenessRule(q *queueState, limits *Thresholds) (finding, bool) {
	five, minute := lateOf(&q.five), lateOf(&q.minute)
	l := min(exceeds(five.p99, limits.LatenessDegraded, limits.LatenessDown), exceeds(minute.p99, limits.LatenessDegraded, limits.LatenessDown))
	if five.n < judgedFrom || minute.n == 0 || q.Paused || l == healthy {
		return finding{}, false
	}
	why := say("they waited for workers, not for the scheduler")
	if five.lag > five.wait {
		why = say("they waited for the scheduler, not for workers")
	}
	return finding{
		Level: l, Rule: "lateness", Say: say("jobs start late: %s", why),
		Text: say("jobs start late, p99 %s over %s: %s (promote lag p99 %s, ready wait p99 %s)",
			formatSpan(five.p99), formatLimit(lately), why, formatSpan(five.lag), formatSpan(five.wait)),
	}, true
}

func errorsRule(q *queueState, limits *Thresholds) (finding, bool) {
	share, n := q.five.ErrorShare()
	l := healthy
	switch {
	case n < judgedFrom:
	case limits.ErrorsDown >= 0 && share >= limits.ErrorsDown:
		l = down
	case limits.ErrorsDegraded >= 0 && share >= limits.ErrorsDegraded:
		l = degraded
	}
	if l == healthy {
		return finding{}, false
	}
	return finding{
		Level: l, Rule: "errors", Say: say("attempts fail"),
		Text: say("%s of %s attempts failed in %s", formatShare(share), formatCount(n), formatLimit(lately)),
	}, true
}

// deadRule is over when somebody has seen to the jobs that died.
func deadRule(q *queueState, limits *Thresholds) (finding, bool) {
	grown := min(q.hour.dead, q.Dead)
	if limits.DeadDegraded < 0 || grown < limits.DeadDegraded || grown == 0 {
		return finding{}, false
	}
	return finding{
		Level: degraded, Rule: "dead", Say: say("jobs have died"),
		Text: say("%s died within the hour", formatJobs(grown)),
	}, true
}

func fullRule(q *queueState, _ *Thresholds) (finding, bool) {
	held := q.held()
	if q.MaxLen <= 0 || held < q.MaxLen {
		return finding{}, false
	}
	return finding{
		Level: degraded, Rule: "full", Say: say("full, producers are refused"),
		Text: say("full with %s (limit %s): producers are refused", formatJobs(held), formatCount(q.MaxLen)),
	}, true
}

// held is how many jobs count against MaxLen.
func (q *queueState) held() int64 { return q.Delayed + q.Ready + q.Leased + q.Retrying }

// serverFindings judges the servers. None is named: where they are is for administrators.
func serverFindings(servers []queue.ServerInfo, limits *Config) []finding {
	var out []finding
	add := func(l level, name string, said, text phrase) {
		out = append(out, finding{Level: l, Rule: name, Say: said, Text: text})
	}
	silent := 0
	for i := range servers {
		s := &servers[i]
		if s.Err != nil {
			silent++
			continue
		}
		share := s.MemoryShare()
		switch full := say("Redis's memory is full to %s (%s of %s)", formatShare(share), formatMemory(s.Used), formatMemory(s.Limit)); {
		case limits.MemoryDown >= 0 && share >= limits.MemoryDown:
			add(down, "memory", say("Redis is full"), say("%s: producers are refused, or soon will be", full))
		case limits.MemoryDegraded >= 0 && share >= limits.MemoryDegraded:
			add(degraded, "memory", say("Redis is almost full"), full)
		}
		if s.Troubled {
			why := say("Redis cannot save to disk: its last attempt failed")
			add(degraded, "persistence", why, why)
		}
	}
	if silent > 0 && silent < len(servers) { // if none answers, there are no new numbers either
		why := say("%d of %d Redis servers do not answer", silent, len(servers))
		add(down, "redis", say("Redis servers do not answer"), why)
	}
	return out
}
