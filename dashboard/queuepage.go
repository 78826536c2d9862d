package dashboard

import (
	"context"
	"net/url"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// queueLive is what the live part of a queue's page shows.
type queueLive struct {
	Name    string
	Level   level
	Why     []phrase
	Badges  []phrase
	Stale   bool
	Sampled phrase
	Tiles   []tile
	Tabs    []tab
	Horizon *horizonChart
	// Fault says why the queue cannot be read.
	Fault phrase
}

// tab is one state of a queue, with how many jobs are in it, or tabRecent.
type tab struct {
	State queue.State
	Word  phrase
	// Count is empty for tabRecent.
	Count   string
	Link    string
	Current bool
}

// queuePage is what a queue's page shows beside.
type queuePage struct {
	Name     string
	State    queue.State
	List     jobList
	Acts     bool
	Paused   bool
	Closed   bool
	MaxLen   int64
	Back     string
	Wrong    []phrase
	MoreLink string
}

// queueTab is the state that a queue's page shows jobs of.
func queueTab(query url.Values) queue.State {
	if s := queue.State(query.Get("state")); s != "" {
		return s
	}
	return queue.Ready
}

// tabStates are the tabs, in the order of a job's life.
var tabStates = []queue.State{queue.Ready, queue.Leased, queue.Delayed, queue.Retrying, queue.Dead, queue.Done}

func queueLivePart(v *view, cfg *Config) any {
	name := v.query.Get("name")
	l := queueLive{Name: name, Stale: v.frame.stale(v.now, cfg.IdleInterval), Sampled: sampled(v.frame, v.now)}
	q := v.frame.queue(name)
	if q == nil {
		l.Fault = say("This queue is gone: it has no jobs and no settings any more.")
		return l
	}
	if q.err != nil {
		l.Fault = say("cannot be read: %s", cause(q.err))
		return l
	}
	var own []finding
	for _, f := range v.frame.verdict(v.now, cfg).Findings {
		if f.Queue == name {
			own = append(own, f)
			l.Why = append(l.Why, f.Text)
		}
	}
	l.Level, l.Badges, l.Horizon, l.Tiles = worst(own, ""), badges(q), v.frame.horizonChart(name, overviewReach, l.Stale), queueTiles(q, own)
	add := func(s queue.State, word phrase, count string) {
		l.Tabs = append(l.Tabs, tab{s, word, count, queueLink(name, s), s == queueTab(v.query)})
	}
	for _, s := range tabStates {
		add(s, stateWord(s), formatCount(q.State(s)))
	}
	add(tabRecent, say("Recent"), "")
	return l
}

// queueLink is where a tab of a queue's page is.
func queueLink(name string, s queue.State) string {
	return "queue?" + url.Values{"name": {name}, "state": {string(s)}}.Encode()
}

func queueTiles(q *queueState, own []finding) []tile {
	l := lateOf(&q.five)
	late := say("no job has started")
	if l.n > 0 {
		late = say("lag %s, wait %s", formatSpan(l.lag), formatSpan(l.wait))
	}
	_, ended := q.five.ErrorShare()
	return []tile{
		{Name: say("Oldest ready"), Value: age(q.Ready, q.OldestReady), Note: say("of %s ready", formatCount(q.Ready)), Level: worst(own, "oldest_ready")},
		{Name: say("Overdue"), Value: formatCount(q.Overdue), Note: overdueOf(q), Level: worst(own, "overdue")},
		{Name: say("Late p99, 5 min"), Value: formatP99(l), Note: late, Level: worst(own, "lateness")},
		{Name: say("In / out per second"), Value: rate(q.rate.In, q.rateKnown) + " / " + rate(q.rate.Out, q.rateKnown), Note: say("over 10 s")},
		{Name: say("Errors, 5 min"), Value: formatErrors(&q.five), Note: say("of %s attempts", formatCount(ended)), Level: worst(own, "errors")},
		{Name: say("Running"), Value: runningOf(q), Note: takers(q)},
		{Name: say("Next due"), Value: nextDue(q), Note: say("of %s waiting", formatCount(q.Delayed+q.Retrying))},
	}
}

// takers is how many workers take jobs of a queue.
func takers(q *queueState) phrase {
	switch {
	case !q.crew.known:
		return phrase{}
	case q.crew.leasing == 1:
		return say("1 worker takes jobs")
	default:
		return say("%s workers take jobs", workersOf(q))
	}
}

// queueWishes is the horizon of the queue.
func queueWishes(v *view) []wish {
	name := v.query.Get("name")
	if v.known(name) != nil {
		return nil
	}
	return []wish{{what: wishHorizon, queue: name, span: overviewReach}}
}

func overdueOf(q *queueState) phrase {
	if q.Overdue == 0 {
		return say("promoted in time")
	}
	return say("by %s", formatSpan(q.OverdueAge))
}

// queue is a queue of the frame, nil where it has none of that name.
func (f *frame) queue(name string) *queueState {
	for i := range f.queues {
		if f.queues[i].Name == name {
			return &f.queues[i]
		}
	}
	return nil
}

func (d *Dashboard) queueData(ctx context.Context, v *view) (any, error) {
	name := v.query.Get("name")
	if err := v.known(name); err != nil {
		return nil, err
	}
	p := &queuePage{Name: name, State: queueTab(v.query), Acts: v.acts(access.Operate), Back: v.d.cfg.BasePath + "/" + queueLink(name, queueTab(v.query))}
	var f jobFilter
	if p.State != tabRecent {
		form := url.Values{"queue": {name}, "state": {string(p.State)}}
		p.MoreLink = "jobs?" + form.Encode()
		if f, p.Wrong = readFilter(form); len(p.Wrong) > 0 {
			return p, nil
		}
	}
	// The switches as they are now: the frame may be a second old, and this page may be the answer to
	// one that was just turned.
	info, err := v.queue(ctx, name)
	if err != nil {
		return nil, err
	}
	p.Paused, p.Closed, p.MaxLen = info.Paused, info.Closed, info.MaxLen
	if p.State == tabRecent {
		p.List, err = v.recentList(ctx, name)
	} else {
		p.List, err = v.list(ctx, &f, "queue")
	}
	return p, err
}

func (p *queuePage) httpStatus() int {
	if len(p.Wrong) > 0 {
		return 400
	}
	return 200
}
