package dashboard

import (
	"slices"
	"time"
)

// level is how bad it is.
type level int8

const (
	healthy level = iota
	idle
	degraded
	down
)

// String returns the word for the level, which is also its CSS class.
func (l level) String() string {
	return [...]string{"healthy", "idle", "degraded", "down"}[l]
}

// Word is how people call the level.
func (l level) Word() phrase {
	return [...]phrase{say("Healthy"), say("Idle, healthy"), say("Degraded"), say("Down")}[l]
}

// MarshalText writes the level as its word.
func (l level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// finding is one thing that is wrong.
type finding struct {
	Level level `json:"level"`
	// Rule names the signal: redis, stale, unreadable, overdue, oldest_ready or full.
	Rule string `json:"rule"`
	// Queue is whose; empty: of all.
	Queue string `json:"queue,omitempty"`
	// Text says what and why, with numbers. Say is the same without those that change from sample to
	// sample, for screen readers.
	Text phrase `json:"text"`
	Say  phrase `json:"-"`
}

// verdict is the answer to "is it healthy": the worst of its findings.
type verdict struct {
	Level level `json:"level"`
	// Text is the whole answer when there are no findings.
	Text     phrase    `json:"text"`
	Findings []finding `json:"findings"`
}

// judge finds what is wrong, worst first. Old numbers are not judged: that they are old is the finding.
func judge(f *frame, now time.Time, cfg *Config) verdict {
	findings := append([]finding{}, judgeData(f, now, cfg)...)
	if !f.stale(now, cfg.IdleInterval) {
		for i := range f.queues {
			findings = append(findings, judgeQueue(&f.queues[i], &cfg.Thresholds)...)
		}
	}
	slices.SortStableFunc(findings, func(a, b finding) int { return int(b.Level) - int(a.Level) })
	v := verdict{Findings: findings}
	if len(findings) > 0 {
		v.Level = findings[0].Level
		v.Text = findings[0].Text
		return v
	}
	v.Level, v.Text = judgeIdle(f)
	return v
}

// judgeData judges whether the numbers can be trusted at all.
func judgeData(f *frame, now time.Time, cfg *Config) []finding {
	since := say("there are no numbers yet")
	if !f.at.IsZero() {
		since = say("the numbers are %s old", formatSpan(now.Sub(f.at)))
	}
	tell := func(l level, rule string, why phrase) []finding {
		return []finding{{Level: l, Rule: rule, Text: say("%s; %s", why, since), Say: why}}
	}
	stale := f.stale(now, cfg.IdleInterval)
	switch {
	case !f.running:
		return tell(down, "stale", say("nothing samples Redis: the dashboard's collector does not run"))
	case f.missed > 0 && stale:
		return tell(down, "redis", cause(f.err))
	case f.missed > 0:
		return tell(degraded, "redis", cause(f.err))
	case f.at.IsZero():
		return tell(degraded, "stale", say("waiting for the first answer of Redis"))
	case stale:
		return tell(down, "stale", say("the collector makes no progress"))
	default:
		return nil
	}
}

func judgeQueue(q *queueState, limits *Thresholds) []finding {
	if q.err != nil {
		why := say("cannot be read: %s", cause(q.err))
		return []finding{{Level: degraded, Rule: "unreadable", Queue: q.Name, Text: why, Say: why}}
	}
	var out []finding
	if l := exceeds(q.OverdueAge, limits.OverdueDegraded, limits.OverdueDown); q.Overdue > 0 && l > healthy {
		why := say("no mover is promoting")
		if q.rateKnown && q.rate.Promoted > 0 {
			why = say("the mover does not keep up")
		}
		out = append(out, finding{
			Level: l, Rule: "overdue", Queue: q.Name, Say: why,
			Text: say("%s overdue by %s: %s", formatJobs(q.Overdue), formatSpan(q.OverdueAge), why),
		})
	}
	if l := exceeds(q.OldestReady, limits.ReadyDegraded, limits.ReadyDown); q.Ready > 0 && !q.Paused && l > healthy {
		why := say("workers do not keep up")
		if q.Leased == 0 && q.rate.Out == 0 {
			why = say("no worker takes jobs")
		}
		limit := limits.ReadyDegraded
		if l == down {
			limit = limits.ReadyDown
		}
		out = append(out, finding{
			Level: l, Rule: "oldest_ready", Queue: q.Name, Say: why,
			Text: say("oldest ready job waits %s (limit %s): %s", formatSpan(q.OldestReady), formatLimit(limit), why),
		})
	}
	if held := q.held(); q.MaxLen > 0 && held >= q.MaxLen {
		out = append(out, finding{
			Level: degraded, Rule: "full", Queue: q.Name, Say: say("full, producers are refused"),
			Text: say("full with %s (limit %s): producers are refused", formatJobs(held), formatCount(q.MaxLen)),
		})
	}
	return out
}

// held is how many jobs count against MaxLen.
func (q *queueState) held() int64 { return q.Delayed + q.Ready + q.Leased + q.Retrying }

// exceeds compares an age with the thresholds of degraded and down, of which a negative one is none.
func exceeds(age, warn, fail time.Duration) level {
	switch {
	case fail >= 0 && age >= fail:
		return down
	case warn >= 0 && age >= warn:
		return degraded
	default:
		return healthy
	}
}

// judgeIdle says what there is to say when nothing is wrong.
func judgeIdle(f *frame) (level, phrase) {
	t := sum(f.queues)
	busy := t.Ready > 0 || t.Leased > 0 || t.rate.In > 0 || t.rate.Out > 0 || t.rate.Failed > 0
	paused := func(p phrase) phrase {
		switch t.paused {
		case 0:
			return p
		case 1:
			return say("%s; 1 queue paused", p)
		default:
			return say("%s; %d queues paused", p, t.paused)
		}
	}
	switch {
	case len(f.queues) == 0:
		return idle, say("no queue has had a job yet")
	case busy:
		return healthy, paused(say("nothing is late"))
	case t.Delayed+t.Retrying > 0:
		return idle, paused(say("nothing to run; next job due %s", formatDue(t.NextDue)))
	default:
		return idle, paused(say("nothing to run, nothing waits"))
	}
}
