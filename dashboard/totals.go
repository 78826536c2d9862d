package dashboard

import (
	"time"

	"github.com/dueq-io/dueq/queue"
)

// totals are the sums over all queues, and where the extremes are.
type totals struct {
	queue.QueueInfo
	rate flow
	// growth is that of ready where it is not paused, waiting how many these are.
	growth    float64
	waiting   int64
	rateKnown bool
	// five is what happened in the last 5 min, fiveKnown that it could be read.
	five      queue.Activity
	fiveKnown bool
	// late is the lateness of the queue where it is worst, failing the queue with the highest share of errors,
	// among those with enough attempts to tell.
	late        late
	lateQueue   string
	errors      float64
	errorsQueue string
	// paused and withReady are numbers of queues.
	paused, withReady int
	// oldest and overdue name the queues with the highest OldestReady and OverdueAge.
	oldest, overdue string
}

func sum(queues []queueState) totals {
	t := totals{QueueInfo: queue.QueueInfo{NextDue: -1}, rateKnown: len(queues) == 0}
	for i := range queues {
		q := &queues[i]
		if q.err != nil {
			continue
		}
		t.Delayed += q.Delayed
		t.Ready += q.Ready
		t.Leased += q.Leased
		t.Retrying += q.Retrying
		t.Dead += q.Dead
		t.Done += q.Done
		t.Overdue += q.Overdue
		t.rate = t.rate.plus(q.rate, 1)
		t.rateKnown = t.rateKnown || q.rateKnown
		t.addFive(&q.five, q.Name)
		t.paused += count(q.Paused)
		t.withReady += count(q.Ready > 0)
		if !q.Paused { // its jobs are not waiting for a worker
			t.growth += q.growth
			t.waiting += q.Ready
			t.OldestReady, t.oldest = higher(t.OldestReady, t.oldest, q.OldestReady, q.Name)
		}
		t.OverdueAge, t.overdue = higher(t.OverdueAge, t.overdue, q.OverdueAge, q.Name)
		if q.NextDue >= 0 && (t.NextDue < 0 || q.NextDue < t.NextDue) {
			t.NextDue = q.NextDue
		}
	}
	return t
}

func count(on bool) int {
	if on {
		return 1
	}
	return 0
}

func higher(most time.Duration, whose string, other time.Duration, name string) (time.Duration, string) {
	if other > most {
		return other, name
	}
	return most, whose
}

func (t *totals) addFive(a *queue.Activity, name string) {
	if a.To.IsZero() {
		return
	}
	t.fiveKnown = true
	t.five.Done += a.Done
	t.five.Failed += a.Failed
	if l := lateOf(a); l.n > 0 && (t.late.n == 0 || l.p99 > t.late.p99) {
		t.late, t.lateQueue = l, name
	}
	if share, n := a.ErrorShare(); n >= judgedFrom && share > t.errors {
		t.errors, t.errorsQueue = share, name
	}
}
