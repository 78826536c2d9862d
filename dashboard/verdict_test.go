package dashboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

func defaults() *Config {
	cfg := Config{}.withDefaults(&queue.Client{})
	return &cfg
}

func TestVerdictOnQueues(t *testing.T) {
	t.Parallel()
	info := func(change func(*queue.QueueInfo)) queueState {
		q := queue.QueueInfo{Name: "sms", NextDue: -1}
		change(&q)
		return stateOf(q)
	}
	promoting := info(func(q *queue.QueueInfo) { q.Delayed, q.Overdue, q.OverdueAge = 9, 9, 3*time.Second })
	promoting.rateKnown, promoting.rate.Promoted = true, 500
	for name, c := range map[string]struct {
		queue queueState
		level level
		text  string
	}{
		"nothing":             {info(func(*queue.QueueInfo) {}), idle, "nothing to run, nothing waits"},
		"only delayed":        {info(func(q *queue.QueueInfo) { q.Delayed, q.NextDue = 3, 12*time.Second }), idle, "nothing to run; next job due in 12 s"},
		"only dead":           {info(func(q *queue.QueueInfo) { q.Dead = 3 }), idle, "nothing to run, nothing waits"},
		"just due":            {info(func(q *queue.QueueInfo) { q.Delayed, q.Overdue, q.OverdueAge = 3, 3, time.Second }), idle, "nothing to run; next job due now"},
		"working":             {info(func(q *queue.QueueInfo) { q.Leased = 2 }), healthy, "nothing is late"},
		"ready a while":       {info(func(q *queue.QueueInfo) { q.Ready, q.OldestReady = 2, 29*time.Second }), healthy, "nothing is late"},
		"paused":              {info(func(q *queue.QueueInfo) { q.Ready, q.OldestReady, q.Paused = 2, time.Hour, true }), healthy, "nothing is late; 1 queue paused"},
		"no worker":           {info(func(q *queue.QueueInfo) { q.Ready, q.OldestReady = 2, 30*time.Second }), degraded, "oldest ready job waits 30 s (limit 30 s): no worker takes jobs"},
		"slow workers":        {info(func(q *queue.QueueInfo) { q.Ready, q.Leased, q.OldestReady = 2, 1, 5*time.Minute }), down, "oldest ready job waits 5m00s (limit 5 min): workers do not keep up"},
		"no mover":            {info(func(q *queue.QueueInfo) { q.Delayed, q.Overdue, q.OverdueAge = 3, 1, 2*time.Second }), degraded, "1 job overdue by 2.0 s: no mover is promoting"},
		"no mover for long":   {info(func(q *queue.QueueInfo) { q.Delayed, q.Overdue, q.OverdueAge = 3, 3, 30*time.Second }), down, "3 jobs overdue by 30 s: no mover is promoting"},
		"slow mover":          {promoting, degraded, "9 jobs overdue by 3.0 s: the mover does not keep up"},
		"paused, no mover":    {info(func(q *queue.QueueInfo) { q.Overdue, q.OverdueAge, q.Paused = 3, time.Minute, true }), down, "3 jobs overdue by 1m00s: no mover is promoting"},
		"full":                {info(func(q *queue.QueueInfo) { q.Delayed, q.Leased, q.MaxLen, q.NextDue = 99, 1, 100, 1 }), degraded, "full with 100 jobs (limit 100): producers are refused"},
		"not full":            {info(func(q *queue.QueueInfo) { q.Leased, q.Dead, q.MaxLen = 1, 100, 100 }), healthy, "nothing is late"},
		"key of a wrong type": {queueState{reading: reading{QueueInfo: queue.QueueInfo{Name: "sms"}, err: queue.ErrWrongType}}, degraded, "cannot be read: a key holds a value of the wrong type: another program writes under the same names"},
	} {
		v := judge(frameOf(c.queue), noon, defaults())
		if v.Level != c.level || v.Text.String() != c.text {
			t.Errorf("%s: %v %q, want %v %q", name, v.Level, v.Text, c.level, c.text)
		}
		for _, f := range v.Findings {
			if f.Queue != "sms" || f.Rule == "" || strings.ContainsAny(f.Say.String(), "0123456789") {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

func TestVerdictOnNoQueues(t *testing.T) {
	t.Parallel()
	if v := judge(frameOf(), noon, defaults()); v.Level != idle || v.Text.String() != "no queue has had a job yet" || v.Findings == nil {
		t.Errorf("%+v", v)
	}
}

func TestVerdictThresholdsAreConfigured(t *testing.T) {
	t.Parallel()
	q := stateOf(queue.QueueInfo{Name: "sms", Ready: 1, OldestReady: time.Hour, Overdue: 1, OverdueAge: time.Hour})
	cfg := defaults()
	cfg.Thresholds = Thresholds{ReadyDegraded: time.Minute, ReadyDown: -1, OverdueDegraded: -1, OverdueDown: -1}
	if v := judge(frameOf(q), noon, cfg); v.Level != degraded || len(v.Findings) != 1 {
		t.Errorf("%+v", v)
	}
}

func TestVerdictIsTheWorst(t *testing.T) {
	t.Parallel()
	v := judge(degradedFrame(), noon, defaults())
	var got []string
	for _, f := range v.Findings {
		got = append(got, f.Level.String()+" "+f.Rule+" "+f.Queue)
	}
	want := "down overdue sms, degraded unreadable broken, degraded oldest_ready callbacks"
	if strings.Join(got, ", ") != want || v.Level != down {
		t.Errorf("got %q", got)
	}
}

func TestVerdictOnData(t *testing.T) {
	t.Parallel()
	never := &frame{snapshot: snapshot{running: true}}
	for name, c := range map[string]struct {
		frame  *frame
		change func(*frame)
		after  time.Duration
		level  level
		stale  bool
		text   string
	}{
		"fresh":       {busyFrame(), nil, time.Second, healthy, false, "nothing is late; 1 queue paused"},
		"idle pace":   {busyFrame(), nil, 29 * time.Second, healthy, false, "nothing is late; 1 queue paused"},
		"no progress": {busyFrame(), nil, 31 * time.Second, down, true, "the collector makes no progress; the numbers are 31 s old"},
		"one missed": {
			busyFrame(), func(f *frame) { f.missed, f.err = 1, queue.ErrUnknown }, 2 * time.Second, degraded, false,
			"Redis does not answer; the numbers are 2.0 s old",
		},
		"three missed": {
			busyFrame(), func(f *frame) { f.missed = 3 }, 4 * time.Second, down, true,
			"Redis has not answered yet; the numbers are 4.0 s old",
		},
		"stopped": {
			busyFrame(), func(f *frame) { f.running = false }, 0, down, true,
			"nothing samples Redis: the dashboard's collector does not run; the numbers are 0 s old",
		},
		"not begun": {
			&frame{}, nil, 0, down, true,
			"nothing samples Redis: the dashboard's collector does not run; there are no numbers yet",
		},
		"first": {never, nil, 0, degraded, true, "waiting for the first answer of Redis; there are no numbers yet"},
		"never": {
			&frame{snapshot: snapshot{running: true, missed: 1, err: queue.ErrUnavailable}}, nil, 0, down, true,
			"Redis cannot be reached or refuses to work; there are no numbers yet",
		},
	} {
		if c.change != nil {
			c.change(c.frame)
		}
		now := noon.Add(c.after)
		v := judge(c.frame, now, defaults())
		if v.Level != c.level || v.Text.String() != c.text || c.frame.stale(now, 10*time.Second) != c.stale {
			t.Errorf("%s: %v %q", name, v.Level, v.Text)
		}
	}
}

// TestOldNumbersAreNotJudged: a queue that was late when Redis went away is not reported as late now.
func TestOldNumbersAreNotJudged(t *testing.T) {
	t.Parallel()
	f := degradedFrame()
	f.missed = 3
	v := judge(f, noon.Add(3*time.Second), defaults())
	if len(v.Findings) != 1 || v.Findings[0].Rule != "redis" {
		t.Errorf("%+v", v.Findings)
	}
}

func TestCauseNamesNoHost(t *testing.T) {
	t.Parallel()
	const secret = "dial tcp 10.1.2.3:6379 user bob"
	for _, err := range []error{
		queue.ErrUnavailable, queue.ErrUnknown, queue.ErrWrongType, context.DeadlineExceeded, errors.New("NOAUTH"),
	} {
		got := cause(fmt.Errorf("%w: %s", err, secret)).String()
		if got == "" || strings.Contains(got, "10.1") || strings.Contains(got, "bob") {
			t.Errorf("%v: %q", err, got)
		}
	}
}
