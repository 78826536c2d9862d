package alarm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

var deep = Rule{Name: "deep", Signal: Depth, Above: 5, Clear: 2}

// The bar: of an incident that lasts for several looks, with three watchers, one message and one of its end.
func TestThreeWatchersTellOnce(t *testing.T) {
	t.Parallel()
	url, namespace := redistest.URL(t), redistest.Prefix(t)
	box := &mailbox{}
	c := open(t, url, namespace)
	for range 3 {
		watch(t, open(t, url, namespace), box, deep)
	}
	for round := range 3 {
		enqueue(t, c, "sms", 6)
		looks(t, c, 3)
		box.waits(t, round+1, round)
		drain(t, c, "sms")
		looks(t, c, 3)
		box.waits(t, round+1, round+1)
	}
	looks(t, c, 5)
	box.waits(t, 3, 3)
	ids := map[string]bool{}
	for _, m := range box.got {
		ids[m.ID] = true
		if m.Incident.Queue != "sms" || m.Namespace != namespace || m.URL != "https://ops.example/dueq/queue?name=sms" {
			t.Errorf("%+v", m)
		}
	}
	if len(ids) != 6 {
		t.Errorf("%d IDs of 6 messages", len(ids))
	}
}

// The process that sends dies when its receiver has the message, and before it could say so.
func TestSenderDiesWithTheMessage(t *testing.T) {
	t.Parallel()
	url, namespace := redistest.URL(t), redistest.Prefix(t)
	c := open(t, url, namespace)
	doomed := open(t, url, namespace)
	died := make(chan struct{})
	first := &mailbox{meet: func(context.Context, *Message) error {
		_ = doomed.Close() // no word of it reaches Redis any more
		close(died)
		return nil
	}}
	_, stop := watch(t, doomed, first, deep)
	enqueue(t, c, "sms", 6)
	<-died
	stop()
	box := &mailbox{}
	other := open(t, url, namespace)
	watch(t, other, box, deep)
	looks(t, other, 5)
	box.waits(t, 0, 0) // it may be on its way still
	shift(other, claimTime)
	box.waits(t, 1, 0)
	if first.count(Opened) != 1 || first.got[0].ID != box.got[0].ID {
		t.Errorf("the copies are not alike: %q, %q", first.got[0].ID, box.got[0].ID)
	}
}

// What cannot be sent is tried again, and its error can be seen meanwhile.
func TestSenderFails(t *testing.T) {
	t.Parallel()
	c := place(t)
	box := &mailbox{fail: errors.New("550 no\nsuch user")}
	watch(t, c, box, deep)
	enqueue(t, c, "sms", 6)
	redistest.Eventually(t, patience, func() bool {
		s, err := NewBoard(c).State(t.Context())
		return err == nil && len(s.Open) == 1 && len(s.Open[0].Deliveries) == 1 && s.Open[0].Deliveries[0].Error == "550 no such user"
	}, "the error is not to be seen")
	box.refuse(nil)
	looks(t, c, 3)
	box.waits(t, 0, 0)
	shift(c, firstRetry)
	box.waits(t, 1, 0)
}

// A watcher that is stopped while it sends lets the message go out, and says so.
func TestStopWhileSending(t *testing.T) {
	t.Parallel()
	c := place(t)
	sending, proceed := make(chan struct{}), make(chan struct{})
	box := &mailbox{meet: func(ctx context.Context, _ *Message) error {
		close(sending)
		<-proceed
		return ctx.Err()
	}}
	_, stop := watch(t, c, box, deep)
	enqueue(t, c, "sms", 6)
	<-sending
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(proceed)
	<-stopped
	box.waits(t, 1, 0)
	s, err := NewBoard(c).State(t.Context())
	if err != nil || len(s.Open) != 1 || s.Open[0].delivery("mail").Opened.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	c := place(t)
	board := NewBoard(c)
	box := &mailbox{}
	watch(t, c, box, deep)
	silence, err := board.Silence(t.Context(), Silence{Queues: "sms", By: "op1", Why: "known"}, time.Hour)
	if err != nil || silence.ID == "" || silence.Until.Sub(silence.Made) != time.Hour {
		t.Fatalf("%+v, %v", silence, err)
	}
	enqueue(t, c, "sms", 6)
	enqueue(t, c, "mail", 6)
	box.waits(t, 1, 0)
	looks(t, c, 5)
	box.waits(t, 1, 0)
	if box.got[0].Incident.Queue != "mail" {
		t.Errorf("told of %s", box.got[0].Incident.Queue)
	}
	if err := board.EndSilence(t.Context(), silence.ID); err != nil {
		t.Fatal(err)
	}
	box.waits(t, 2, 0)
	if err := board.EndSilence(t.Context(), silence.ID); !errors.Is(err, ErrNoSilence) {
		t.Errorf("ended twice: %v", err)
	}
}

func TestRulesAtRunTime(t *testing.T) {
	t.Parallel()
	c := place(t)
	board := NewBoard(c)
	box := &mailbox{}
	_, stop := watch(t, c, box, deep)
	looks(t, c, 1)
	added := Rule{Name: "shallow", Signal: Depth, Above: 1}
	if err := board.SetRule(t.Context(), added); err != nil {
		t.Fatal(err)
	}
	enqueue(t, c, "sms", 3)
	box.waits(t, 1, 0)
	for what, err := range map[string]error{
		"a rule of the configuration": board.SetRule(t.Context(), deep),
		"a bad rule":                  board.SetRule(t.Context(), Rule{Name: "x"}),
	} {
		if !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := board.RemoveRule(t.Context(), "deep"); !errors.Is(err, ErrNoRule) {
		t.Errorf("removed a rule of the configuration: %v", err)
	}
	stop()
	// Another configuration takes the place of the first; the rule made at run time stays.
	other := deep
	other.Name = "other"
	watch(t, c, box, other)
	redistest.Eventually(t, patience, func() bool {
		s, err := board.State(t.Context())
		return err == nil && len(s.Rules) == 2 && s.Rules[0].Name == "other" && s.Rules[1].Name == "shallow" && s.Rules[1].Added
	}, "not these rules")
	if err := board.RemoveRule(t.Context(), "shallow"); err != nil {
		t.Fatal(err)
	}
	box.waits(t, 1, 1)
	if box.got[1].Incident.Note != "the rule is gone" {
		t.Errorf("%+v", box.got[1])
	}
}

// A Redis that is away is told of by the process itself, and that it is back.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	c := open(t, server.URL(), "dueq")
	box := &mailbox{}
	watch(t, c, box, Rule{Name: "away", Signal: RedisAway, Above: 0.5})
	looks(t, c, 1)
	server.Kill()
	box.waits(t, 1, 0)
	if m := box.got[0]; !strings.Contains(m.Incident.Note, "seen by ") || !strings.HasPrefix(m.Subject(), "[dueq] Redis: Redis away") {
		t.Errorf("%q, %+v", m.Subject(), m.Incident)
	}
	server.Restart()
	box.waits(t, 1, 1)
	redistest.Eventually(t, patience, func() bool {
		s, err := NewBoard(c).State(t.Context())
		return err == nil && len(s.Ended) == 1 && s.Ended[0].Rule.Name == "away"
	}, "it cannot be looked up")
	looks(t, c, 3)
	box.waits(t, 1, 1)
	if s, err := NewBoard(c).State(t.Context()); err != nil || len(s.Rules) != 1 {
		t.Errorf("the rules went with what Redis has lost: %v, %v", s.Rules, err)
	}
}

// Alarms that stay silent because another program wrote there would be worse than alarms that begin anew.
func TestForeignState(t *testing.T) {
	t.Parallel()
	c := place(t)
	if err := c.Desk().RewriteSheet(t.Context(), sheetName, nil, []byte("{not json")); err != nil {
		t.Fatal(err)
	}
	box := &mailbox{}
	watch(t, c, box, deep)
	enqueue(t, c, "sms", 6)
	box.waits(t, 1, 0)
}

func TestNewerStateIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := place(t)
	newer := []byte(`{"format":99}`)
	if err := c.Desk().RewriteSheet(t.Context(), sheetName, nil, newer); err != nil {
		t.Fatal(err)
	}
	err := NewBoard(c).SetRule(t.Context(), deep)
	if s, _ := c.Desk().Sheet(t.Context(), sheetName); !errors.Is(err, errNewerState) || string(s.Value) != string(newer) {
		t.Errorf("%v, %s", err, s.Value)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	c := open(t, "memory://", "dueq")
	for words, cfg := range map[string]Config{
		"Interval":     {Interval: time.Millisecond},
		"name of rule": {Rules: []Rule{{}}},
		"two senders":  {Senders: []Sender{&mailbox{}, &mailbox{}}},
	} {
		if _, err := New(c, cfg); !errors.Is(err, queue.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", words, err)
		}
	}
	w, err := New(c, Config{Logger: silent()})
	if err != nil || len(w.cfg.Rules) != len(DefaultRules()) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := w.Run(ctx); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("run twice: %v", err)
	}
}
