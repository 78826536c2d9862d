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
	// Rule names what it is found by: see docs/dashboard.md.
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

// verdict is what judge finds at the moment when the frame was made, for all who ask then.
func (f *frame) verdict(now time.Time, cfg *Config) verdict {
	if !now.Equal(f.made) {
		return judge(f, now, cfg)
	}
	f.judging.Do(func() { f.judged = judge(f, now, cfg) })
	return f.judged
}

// judge finds what is wrong: the worst queue first, and of each what explains the rest. Old numbers are not judged: that they are old is the finding.
func judge(f *frame, now time.Time, cfg *Config) verdict {
	findings := append([]finding{}, judgeData(f, now, cfg)...)
	if !f.stale(now, cfg.IdleInterval) {
		findings = append(findings, serverFindings(f.servers, cfg)...)
		for i := range f.queues {
			findings = append(findings, judgeQueue(&f.queues[i], cfg.thresholds(f.queues[i].Name))...)
		}
	}
	levels := map[string]level{}
	for _, f := range findings {
		levels[f.Queue] = max(levels[f.Queue], f.Level)
	}
	slices.SortStableFunc(findings, func(a, b finding) int { return int(levels[b.Queue] - levels[a.Queue]) })
	v := verdict{Findings: findings}
	if len(findings) > 0 {
		v.Level, v.Text = levels[findings[0].Queue], findings[0].Text
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
	for _, look := range rules {
		if f, wrong := look(q, limits); wrong {
			f.Queue = q.Name
			out = append(out, f)
		}
	}
	return out
}

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
