package dashboard

import (
	"strconv"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// overview is what the template of that name shows.
type overview struct {
	Verdict   verdictView
	Sampled   phrase
	Stale     bool
	Tiles     []tile
	Columns   []column
	Rows      []row
	More      int
	Namespace string
	Horizon   *horizonChart
	Crew      crewView
	Errors    []errorRow
	Alerts    *alertsStrip
}

type tile struct {
	Name  phrase
	Value string
	Note  phrase
	Level level
}

// overviewColumns are what tells whether a queue is well, in the order in which one asks.
var overviewColumns = []column{
	depth(queue.Ready, say("Ready"), say("Jobs that wait for a worker")),
	{
		Label: say("Oldest ready"), Means: say("How long the first ready job has been due"), rule: "oldest_ready",
		text: func(q *queueState) string { return age(q.Ready, q.OldestReady) },
	},
	{
		Label: say("Overdue"), Means: say("Jobs that are due but not promoted"), rule: "overdue",
		text: func(q *queueState) string { return formatCount(q.Overdue) },
	},
	{
		Label: say("Late p99"), Means: say("99 of 100 jobs that started in the last 5 min did so within this time after they were due"),
		rule: "lateness", text: func(q *queueState) string { return formatLate(&q.five) },
	},
	{Label: say("Running"), Means: say("Jobs that run, of the slots of all workers that serve the queue"), text: runningOf},
	{
		Label: say("In/s"), Means: say("Jobs enqueued a second, over 10 s"),
		text: func(q *queueState) string { return rate(q.rate.In, q.rateKnown) },
	},
	{
		Label: say("Out/s"), Means: say("Jobs acked a second, over 10 s"),
		text: func(q *queueState) string { return rate(q.rate.Out, q.rateKnown) },
	},
	{
		Label: say("Errors"), Means: say("Share of the attempts that failed, of those that ended in the last 5 min"), rule: "errors",
		text: func(q *queueState) string { return formatErrors(&q.five) },
	},
	depth(queue.Delayed, say("Delayed"), say("Jobs whose time has not come")),
	{
		Label: say("Dead"), Means: say("Jobs in the dead letter"), rule: "dead",
		text: func(q *queueState) string { return formatCount(q.Dead) },
	},
	{Label: say("Workers"), Means: say("Workers that take jobs of the queue"), rule: "no_worker", text: workersOf},
}

func formatLate(a *queue.Activity) string {
	return formatP99(lateOf(a))
}

func formatP99(l late) string {
	if l.n == 0 {
		return none
	}
	return formatSpan(max(l.p99, time.Millisecond))
}

func formatErrors(a *queue.Activity) string {
	share, n := a.ErrorShare()
	if n == 0 {
		return none
	}
	return formatShare(share)
}

func runningOf(q *queueState) string {
	if !q.crew.known || q.crew.slots == 0 {
		return formatCount(q.Leased)
	}
	return formatCount(q.Leased) + "/" + formatCount(int64(q.crew.slots))
}

func workersOf(q *queueState) string {
	if !q.crew.known {
		return none
	}
	return strconv.Itoa(q.crew.leasing)
}

// overviewQueues is how many queues the Overview shows, the worst: what one takes in at a glance, and what every
// tab gets every second.
const overviewQueues = 20

// overviewReach is how far the horizon of the Overview looks ahead.
const overviewReach = "1h"

func overviewWishes(*view) []wish {
	return []wish{{what: wishHorizon, span: overviewReach}, {what: wishOverview}}
}

func newOverview(look *view, cfg *Config, namespace string) overview {
	f, now := look.frame, look.now
	v := f.verdict(now, cfg)
	stale := f.stale(now, cfg.IdleInterval)
	o := overview{
		Verdict: viewVerdict(v), Sampled: sampled(f, now), Stale: stale,
		Tiles: tiles(f, v.Findings), Columns: overviewColumns, Namespace: namespace,
		Horizon: f.horizonChart("", overviewReach, stale), Crew: newCrewView(&f.members), Errors: f.topErrors(now),
		Alerts: newAlertsStrip(look),
	}
	o.Rows, o.More = newRows(f.queues, v.Findings, overviewColumns, overviewQueues)
	return o
}

// sampled says how old the numbers are, and how Redis answered.
func sampled(f *frame, now time.Time) phrase {
	if f.at.IsZero() {
		return say("no sample yet")
	}
	at, took := f.at.UTC().Format("15:04:05"), formatSpan(f.took)
	if age := now.Sub(f.at); age >= time.Second {
		return say("sampled %s UTC, %s ago · Redis answered in %s", at, formatSpan(age), took)
	}
	return say("sampled %s UTC · Redis answered in %s", at, took)
}

func tiles(f *frame, findings []finding) []tile {
	if f.at.IsZero() {
		return nil
	}
	t := sum(f.queues)
	var flowNote phrase
	if t.rateKnown {
		flowNote = say("%s, %s failed", surplus(t.rate.In-t.rate.Out), formatRate(t.rate.Failed))
	}
	failing := worst(findings, "errors")
	return []tile{
		{Name: say("Ready"), Value: formatCount(t.Ready), Note: trend(&t, len(f.queues))},
		{Name: say("Oldest ready"), Value: age(t.Ready, t.OldestReady), Note: say("%s", t.oldest), Level: worst(findings, "oldest_ready")},
		{Name: say("Overdue"), Value: formatCount(t.Overdue), Note: overdueNote(&t), Level: worst(findings, "overdue")},
		{Name: say("Late p99, 5 min"), Value: formatP99(t.late), Note: lateNote(&t), Level: worst(findings, "lateness")},
		{Name: say("In / out per second"), Value: rate(t.rate.In, t.rateKnown) + " / " + rate(t.rate.Out, t.rateKnown), Note: flowNote},
		{Name: say("Errors, 5 min"), Value: formatErrors(&t.five), Note: errorsNote(&t, failing), Level: failing},
	}
}

// trend says where ready is going: at the pace of the last seconds, when it will be empty.
func trend(t *totals, queues int) phrase {
	const still = 0.05
	switch {
	case t.rateKnown && t.waiting > 0 && t.growth > still:
		return say("growing by %s/s", formatRate(t.growth))
	case t.rateKnown && t.waiting > 0 && t.growth < -still:
		seconds := min(float64(t.waiting)/-t.growth, (100 * day).Seconds())
		return say("falling, none in %s", formatSpan(time.Duration(seconds*float64(time.Second))))
	default:
		return say("in %d of %d queues", t.withReady, queues)
	}
}

func lateNote(t *totals) phrase {
	switch {
	case !t.fiveKnown:
		return phrase{}
	case t.late.n == 0:
		return say("no job has started")
	case t.late.lag > t.late.wait:
		return say("%s, %s of it promotion", t.lateQueue, formatSpan(t.late.lag))
	default:
		return say("%s, %s of it waiting", t.lateQueue, formatSpan(t.late.wait))
	}
}

func errorsNote(t *totals, marked level) phrase {
	_, n := t.five.ErrorShare()
	switch {
	case !t.fiveKnown:
		return phrase{}
	case marked > healthy:
		return say("%s %s", t.errorsQueue, formatShare(t.errors))
	default:
		return say("of %s attempts", formatCount(n))
	}
}

// surplus writes what more goes in than comes out, a second.
func surplus(perSecond float64) phrase {
	switch {
	case perSecond > 0:
		return say("net +%s", formatRate(perSecond))
	case perSecond < 0:
		return say("net −%s", formatRate(-perSecond))
	default:
		return say("net 0")
	}
}

func overdueNote(t *totals) phrase {
	if t.Overdue == 0 {
		return say("promoted in time")
	}
	return say("%s, %s", t.overdue, formatSpan(t.OverdueAge))
}
