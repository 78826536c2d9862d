package dashboard

import (
	"cmp"
	"context"
	"slices"
)

// scheduleView is the live part of the Schedule page.
type scheduleView struct {
	Horizon *horizonChart
	Rows    []scheduleRow
	Stale   bool
}

// scheduleRow is a queue with jobs that wait for their time.
type scheduleRow struct {
	Name                       string
	Delayed, Retrying, Overdue int64
	Next, Late                 string
	Level                      level
}

// scheduleForm is what can be chosen there.
type scheduleForm struct {
	Queues       []string
	Queue, Reach string
}

func scheduleWishes(v *view) []wish {
	name := v.query.Get("queue")
	if name != "" && v.known(name) != nil {
		return nil
	}
	return []wish{{what: wishHorizon, queue: name, span: reachOf(v.query.Get("reach")).name}}
}

func scheduleData(_ context.Context, v *view) (any, error) {
	form := scheduleForm{Queue: v.query.Get("queue"), Reach: reachOf(v.query.Get("reach")).name}
	for i := range v.frame.queues {
		form.Queues = append(form.Queues, v.frame.queues[i].Name)
	}
	if form.Queue != "" {
		return form, v.known(form.Queue)
	}
	return form, nil
}

func newScheduleView(v *view, cfg *Config) scheduleView {
	out := scheduleView{Stale: v.frame.stale(v.now, cfg.IdleInterval)}
	out.Horizon = v.frame.horizonChart(v.query.Get("queue"), v.query.Get("reach"), out.Stale)
	for i := range v.frame.queues {
		q := &v.frame.queues[i]
		if q.err != nil || q.Delayed+q.Retrying == 0 {
			continue
		}
		row := scheduleRow{Name: q.Name, Delayed: q.Delayed, Retrying: q.Retrying, Overdue: q.Overdue, Next: nextDue(q), Late: none}
		if q.Overdue > 0 {
			row.Late = formatSpan(q.OverdueAge)
			limits := cfg.thresholds(q.Name)
			row.Level = exceeds(q.OverdueAge, limits.OverdueDegraded, limits.OverdueDown)
		}
		out.Rows = append(out.Rows, row)
	}
	slices.SortStableFunc(out.Rows, func(a, b scheduleRow) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), cmp.Compare(b.Overdue, a.Overdue), cmp.Compare(a.Name, b.Name))
	})
	out.Rows = out.Rows[:min(len(out.Rows), shownQueues)]
	return out
}
