package alarm

import (
	"testing"
	"time"
)

// story is an incident of queue sms that is open.
func story(t *testing.T) *clockwork {
	t.Helper()
	rule := backlog
	rule.For = 0
	c := newClockwork(rule).sees(Depth, sure(101))
	c.want(t, 1, 0)
	return c
}

func (c *clockwork) later(d time.Duration) { c.at = c.at.Add(d); c.Now = c.at }

// claims claims a message and wants that event, or none.
func (c *clockwork) claims(t *testing.T, owner string, want Event) *Incident {
	t.Helper()
	i, event := c.claim("mail", owner, noon)
	if event != want {
		t.Fatalf("%s claims %q, want %q", owner, event, want)
	}
	return i
}

func TestOneMessageForTheBeginningAndOneForTheEnd(t *testing.T) {
	t.Parallel()
	c := story(t)
	i := c.claims(t, "a", Opened)
	c.claims(t, "b", "")
	c.settle(i.ID, "mail", "a", Opened, "")
	c.claims(t, "b", "")
	c.sees(Depth, sure(0)).want(t, 0, 1)
	i = c.claims(t, "b", Ended)
	c.claims(t, "a", "")
	c.settle(i.ID, "mail", "b", Ended, "")
	c.later(time.Hour)
	c.claims(t, "a", "")
	if d := c.Ended[0].delivery("mail"); d.Opened.IsZero() || d.Ended.IsZero() || d.Attempts != 0 || d.Owner != "" {
		t.Errorf("%+v", d)
	}
}

// A process that dies with its name on a message is taken over from; one that was only slow does no harm.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	c := story(t)
	i := c.claims(t, "dead", Opened)
	c.later(claimTime - time.Millisecond)
	c.claims(t, "b", "")
	c.later(time.Millisecond)
	c.claims(t, "b", Opened)
	c.settle(i.ID, "mail", "dead", Opened, "") // it was not dead
	c.later(time.Hour)
	c.claims(t, "c", "")
	c.settle(i.ID, "mail", "b", Opened, "refused") // the other copy failed, which is nothing to repeat
	c.later(time.Hour)
	c.claims(t, "c", "")
}

func TestRetries(t *testing.T) {
	t.Parallel()
	c := story(t)
	waits := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute}
	for _, wait := range waits {
		i := c.claims(t, "a", Opened)
		c.settle(i.ID, "mail", "a", Opened, "refused")
		if d := i.delivery("mail"); d.Error != "refused" || d.Owner != "" {
			t.Errorf("%+v", d)
		}
		c.later(wait - time.Millisecond)
		c.claims(t, "b", "")
		c.later(time.Millisecond)
	}
	c.sees(Depth, sure(0)).want(t, 0, 1)
	i := c.claims(t, "a", Opened) // that it ended meanwhile does not make it untold
	c.settle(i.ID, "mail", "a", Opened, "")
	i = c.claims(t, "a", Ended)
	c.settle(i.ID, "mail", "a", Ended, "refused")
	c.later(worthTelling)
	c.claims(t, "a", "")
}

func TestSilenceHoldsBackBeginnings(t *testing.T) {
	t.Parallel()
	c := story(t)
	silence := func(length time.Duration) {
		c.Silences = []Silence{{ID: "s", Rule: "back*", Queues: "s*", Until: c.at.Add(length)}}
	}
	silence(time.Hour)
	c.claims(t, "a", "")
	c.later(time.Hour) // it is over, and the incident is not
	i := c.claims(t, "a", Opened)
	c.settle(i.ID, "mail", "a", Opened, "")
	silence(time.Hour)
	c.sees(Depth, sure(0)).want(t, 0, 1)
	i = c.claims(t, "a", Ended) // who was told the beginning is told the end
	c.settle(i.ID, "mail", "a", Ended, "")

	c.sees(Depth, sure(101)).want(t, 1, 1)
	c.sees(Depth, sure(0)).want(t, 0, 2)
	c.later(2 * time.Hour)
	c.claims(t, "a", "") // it was silenced from beginning to end

	c.Silences = []Silence{{Rule: "other", Queues: "*", Until: c.at.Add(time.Hour)}, {Rule: "*", Queues: "other", Until: c.at.Add(time.Hour)}}
	c.sees(Depth, sure(101)).want(t, 1, 2)
	c.claims(t, "a", Opened)
}

// A sender that is new is told what goes on, and not what was over before it was there.
func TestNewSender(t *testing.T) {
	t.Parallel()
	c := story(t)
	c.sees(Depth, sure(0)).want(t, 0, 1)
	if i, event := c.claim("mail", "a", c.at.Add(time.Second)); i != nil {
		t.Errorf("told of the past: %s", event)
	}
	c.claims(t, "a", Opened) // it was there all the time
	c.sees(Depth, sure(101)).want(t, 1, 1)
	if i, event := c.claim("webhook", "a", c.at.Add(time.Second)); i == nil || event != Opened {
		t.Errorf("not told of the present: %s", event)
	}
}
