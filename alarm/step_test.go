package alarm

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// clockwork is a state that is stepped by hand, a look every 10 s.
type clockwork struct {
	State
	at time.Time
}

func newClockwork(rules ...Rule) *clockwork {
	rules, err := CheckRules(rules)
	if err != nil {
		panic(err)
	}
	return &clockwork{State: State{Rules: rules, Pending: map[string]time.Time{}}, at: noon}
}

// sees is a look that finds one value of queue sms.
func (c *clockwork) sees(s Signal, v value) *clockwork {
	c.at = c.at.Add(10 * time.Second)
	c.Now = c.at
	l := look{at: c.at, values: map[Signal]map[string]value{s: {"sms": v}}, queues: []string{"sms"}}
	if !s.OfQueue() {
		l.values[s] = map[string]value{"": v}
	}
	c.step(l)
	return c
}

func (c *clockwork) want(t *testing.T, open, ended int) {
	t.Helper()
	if len(c.Open) != open || len(c.Ended) != ended {
		t.Fatalf("%d open and %d ended, want %d and %d: %+v", len(c.Open), len(c.Ended), open, ended, c.State)
	}
}

var backlog = Rule{Name: "backlog", Signal: Depth, Above: 100, Clear: 50, For: 20 * time.Second}

// An incident begins when the value was over the limit for long enough, and ends at Clear and no sooner.
func TestIncident(t *testing.T) {
	t.Parallel()
	c := newClockwork(backlog)
	for _, s := range []struct {
		depth       float64
		open, ended int
	}{
		{100, 0, 0}, // at the limit is not over it
		{101, 0, 0},
		{150, 0, 0},
		{80, 0, 0}, // not for long enough
		{101, 0, 0},
		{101, 0, 0},
		{120, 1, 0},
		{300, 1, 0},
		{99, 1, 0},
		{51, 1, 0},
		{200, 1, 0}, // below the limit and above Clear
		{50, 0, 1},
		{101, 0, 1},
	} {
		c.sees(Depth, sure(s.depth)).want(t, s.open, s.ended)
	}
	i := c.Ended[0]
	if i.Queue != "sms" || i.Peak != 300 || i.Value != 50 || i.Opened.Sub(i.Since) != 20*time.Second || i.Ended.Sub(i.Since) != 70*time.Second || i.Note != "" {
		t.Errorf("%+v", i)
	}
}

func TestValuesThatAreNotGoodEnough(t *testing.T) {
	t.Parallel()
	c := newClockwork(Rule{Name: "errors", Signal: ErrorRate, Above: 0.2, For: 10 * time.Second})
	few := value{of: 1, ends: true}
	c.sees(ErrorRate, few).sees(ErrorRate, few).want(t, 0, 0)
	c.sees(ErrorRate, sure(0.5)).sees(ErrorRate, few).sees(ErrorRate, sure(0.5)).want(t, 0, 0) // not without a break
	c.sees(ErrorRate, sure(0.5)).want(t, 1, 0)
	c.sees(ErrorRate, few).want(t, 1, 0)
	c.sees(ErrorRate, value{of: 0, ends: true}).want(t, 0, 1)

	c = newClockwork(Rule{Name: "late", Signal: Lateness, Above: 10})
	c.sees(Lateness, sure(60)).want(t, 1, 0)
	c.sees(Lateness, value{}).want(t, 1, 0) // nobody knows
	if c.Open[0].Value != 60 {
		t.Errorf("value %v", c.Open[0].Value)
	}
	c.sees(Lateness, value{ends: true}).want(t, 0, 1)
}

func TestIncidentEndsWithItsRuleAndItsQueue(t *testing.T) {
	t.Parallel()
	rule := backlog
	rule.For = 0
	for name, change := range map[string]func(c *clockwork, l *look){
		"the rule is gone":  func(c *clockwork, _ *look) { c.Rules = nil },
		"the queue is gone": func(_ *clockwork, l *look) { l.queues = []string{"other"} },
		"":                  func(*clockwork, *look) {}, // it could not be read
	} {
		c := newClockwork(rule).sees(Depth, sure(101))
		c.want(t, 1, 0)
		l := look{at: c.at.Add(time.Second), queues: []string{"sms"}}
		change(c, &l)
		c.step(l)
		if name == "" {
			c.want(t, 1, 0)
			continue
		}
		c.want(t, 0, 1)
		if c.Ended[0].Note != name {
			t.Errorf("note %q, want %q", c.Ended[0].Note, name)
		}
	}
}

// A process that was stopped between its look and its step must not undo what others have seen since.
func TestAnOldLookSaysNothing(t *testing.T) {
	t.Parallel()
	rule := backlog
	rule.For = 0
	c := newClockwork(rule).sees(Depth, sure(101))
	c.step(look{at: c.at.Add(-time.Minute), values: map[Signal]map[string]value{Depth: {"sms": sure(0)}}, queues: []string{"sms"}})
	c.want(t, 1, 0)
}

func TestStateIsBounded(t *testing.T) {
	t.Parallel()
	rule := backlog
	rule.For, rule.Queues = 0, "*"
	c := newClockwork(rule)
	for round := range 3 {
		l := look{at: noon.Add(time.Duration(round+1) * time.Minute), values: map[Signal]map[string]value{Depth: {}}}
		for i := range maxOpen + 100 {
			name := "q" + strings.Repeat("x", i%60) + time.Duration(i).String()
			l.queues = append(l.queues, name)
			l.values[Depth][name] = sure(float64(101 * (1 - round%2)))
		}
		c.step(l)
	}
	if len(c.Open) != maxOpen || len(c.Ended) != maxEnded {
		t.Errorf("%d open, %d ended", len(c.Open), len(c.Ended))
	}
	text, err := c.encode()
	if err != nil || len(text) > 512<<10 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// Whatever is seen: an incident is open only while its value has been over Clear since it was over Above, each
// has one ID, and the state is the same after it was written and read.
func TestStepProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := Rule{Name: "r", Signal: Depth, Above: 10, Clear: float64(rapid.IntRange(1, 10).Draw(t, "clear")), For: time.Duration(rapid.IntRange(0, 3).Draw(t, "for")) * 10 * time.Second}
		c := newClockwork(rule)
		over, open := 0, false
		ids := map[string]bool{}
		for _, depth := range rapid.SliceOfN(rapid.IntRange(0, 15), 1, 40).Draw(t, "depths") {
			c.sees(Depth, sure(float64(depth)))
			if depth > 10 {
				over++
			} else {
				over = 0
			}
			switch {
			case open && float64(depth) <= c.Rules[0].Clear:
				open = false
			case !open && over > 0 && time.Duration(over-1)*10*time.Second >= rule.For:
				open = true
			}
			if (len(c.Open) == 1) != open {
				t.Fatalf("depth %d: open %v, want %v", depth, len(c.Open), open)
			}
			for _, i := range c.Open {
				ids[i.ID] = true
			}
			text, err := c.encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := decodeState(text)
			if err != nil {
				t.Fatal(err)
			}
			if more, err := again.encode(); err != nil || string(more) != string(text) {
				t.Fatalf("written as %s and %s, %v", text, more, err)
			}
			again.Now = c.Now
			c.State = *again
		}
		if len(ids) != len(c.Open)+len(c.Ended) {
			t.Fatalf("%d IDs of %d incidents", len(ids), len(c.Open)+len(c.Ended))
		}
	})
}
