package alarm

import (
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func observe(t *testing.T, c *queue.Client, rules ...Rule) look {
	t.Helper()
	o := observer{client: c, inspector: c.Inspector()}
	l, err := o.look(t.Context(), rules)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func allRules() (rules []Rule) {
	for _, s := range Signals() {
		rules = append(rules, Rule{Name: string(s), Signal: s})
	}
	return rules
}

func TestLookReadsTheQueues(t *testing.T) {
	t.Parallel()
	c := place(t)
	enqueue(t, c, "sms", 3)
	if _, err := c.Enqueue(t.Context(), queue.Job{Queue: "late", Kind: "k", Delay: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	shift(c, time.Minute)
	l := observe(t, c, allRules()...)
	for _, want := range []struct {
		signal   Signal
		queue    string
		low, top float64
	}{
		{Depth, "sms", 3, 3},
		{Depth, "late", 0, 0},
		{OldestReady, "sms", 60, 90},
		{OldestReady, "late", 0, 0},
		{Overdue, "late", 59, 90},
		{Overdue, "sms", 0, 0},
		{NoWorker, "sms", 3, 3},
		{NoWorker, "late", 0, 0},
		{ErrorRate, "sms", 0, 0},
		{DeadGrowth, "sms", 0, 0},
		{RedisMemory, "", 0, 0},
	} {
		v, ok := l.values[want.signal][want.queue]
		if !ok || v.of < want.low || v.of > want.top {
			t.Errorf("%s of %q: %+v, want %v to %v", want.signal, want.queue, v, want.low, want.top)
		}
	}
	if v := l.values[Lateness]["sms"]; v.begins || v.ends {
		t.Errorf("lateness of a queue that stands still: %+v", v)
	}
	if err := c.Inspector().Pause(t.Context(), "sms"); err != nil {
		t.Fatal(err)
	}
	l = observe(t, c, allRules()...)
	for _, s := range []Signal{OldestReady, NoWorker} {
		if v := l.values[s]["sms"]; v.of != 0 {
			t.Errorf("%s of a paused queue: %+v", s, v)
		}
	}
}

// A key of a wrong type in one queue, or a name that is none, must not hide the other queues.
func TestLookPastDamage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := open(t, server.URL(), "dueq")
	enqueue(t, c, "sms", 3)
	enqueue(t, c, "odd", 3)
	rdb := server.Client()
	if err := rdb.Set(t.Context(), "dueq:{odd}:delayed", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.SAdd(t.Context(), "dueq:queues", "no\nname").Err(); err != nil {
		t.Fatal(err)
	}
	l := observe(t, c, Rule{Name: "deep", Signal: Depth})
	if _, ok := l.values[Depth]["odd"]; ok || l.values[Depth]["sms"].of != 3 || len(l.queues) != 2 {
		t.Errorf("%+v", l)
	}
}

func TestServes(t *testing.T) {
	t.Parallel()
	many := map[string]int{}
	for i := range listedQueues {
		many[string(rune('a'+i%26))+time.Duration(i).String()] = 1
	}
	for i, c := range []struct {
		w    queue.WorkerInfo
		want bool
	}{
		{queue.WorkerInfo{WorkerReport: queue.WorkerReport{State: queue.WorkerRunning, Queues: map[string]int{"sms": 1}}}, true},
		{queue.WorkerInfo{WorkerReport: queue.WorkerReport{State: queue.WorkerQuiet, Queues: map[string]int{"sms": 1}}}, false},
		{queue.WorkerInfo{WorkerReport: queue.WorkerReport{State: queue.WorkerStopping, Queues: map[string]int{"sms": 1}}}, false},
		{queue.WorkerInfo{WorkerReport: queue.WorkerReport{State: queue.WorkerRunning, Queues: map[string]int{"other": 1}}}, false},
		{queue.WorkerInfo{WorkerReport: queue.WorkerReport{State: queue.WorkerRunning, Queues: many}}, true},
	} {
		if got := serves(&c.w, "sms"); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

func TestLatenessAndErrorRate(t *testing.T) {
	t.Parallel()
	var a queue.Activity
	a.Lateness[20] = 100
	if v := lateness(&queue.QueueInfo{Ready: 1}, &a); !v.begins || !v.ends || v.of <= 0 {
		t.Errorf("%+v", v)
	}
	if v := lateness(&queue.QueueInfo{}, &queue.Activity{}); v.begins || !v.ends || v.of != 0 {
		t.Errorf("of an idle queue: %+v", v)
	}
	a = queue.Activity{}
	a.Done, a.Failed, a.Retried = 15, 5, 5
	if v := errorRate(&a); !v.begins || v.of != 0.25 {
		t.Errorf("%+v", v)
	}
	a.Done = 14
	if v := errorRate(&a); v.begins || !v.ends {
		t.Errorf("of 19 attempts: %+v", v)
	}
}

func TestLookReadsTheMemory(t *testing.T) {
	t.Parallel()
	c := open(t, redistest.Start(t, "--maxmemory", "100mb").URL(), "dueq")
	if v := observe(t, c, allRules()...).values[RedisMemory][""]; !v.begins || v.of <= 0 || v.of >= 1 {
		t.Errorf("%+v", v)
	}
}
