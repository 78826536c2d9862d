package alarm

import (
	"slices"
	"time"
)

// Event is which of the two messages of an incident.
type Event string

// The events of an incident.
const (
	Opened Event = "opened"
	Ended  Event = "ended"
)

const (
	// claimTime is how long a process that has put its name to a message has for it. It is longer than any
	// sender takes.
	claimTime = time.Minute
	// firstRetry doubles with each attempt that fails, up to lastRetry.
	firstRetry = 30 * time.Second
	lastRetry  = 10 * time.Minute
	// worthTelling is how long after its end an incident is still told.
	worthTelling = 24 * time.Hour
)

// delivery finds what a sender did about the incident.
func (i *Incident) delivery(sender string) *Delivery {
	n := slices.IndexFunc(i.Deliveries, func(d Delivery) bool { return d.Sender == sender })
	if n < 0 {
		return nil
	}
	return &i.Deliveries[n]
}

// owed says which message a sender owes about an incident. began is when the process that asks did: what ended
// before that, and no process with the sender has taken on, is none of its business.
func (s *State) owed(i *Incident, sender string, began time.Time) (Event, bool) {
	d := i.delivery(sender)
	told := d != nil && !d.Opened.IsZero()
	switch {
	case i.Rule.Signal == RedisAway:
		return "", false // each process has told by itself
	case told && (i.Open() || !d.Ended.IsZero()):
		return "", false
	case told:
		return Ended, s.Now.Sub(i.Ended) < worthTelling
	case i.Open():
		return Opened, !s.Silenced(i)
	default:
		return Opened, !i.Silenced && (d != nil || i.Ended.After(began)) && s.Now.Sub(i.Ended) < worthTelling
	}
}

// claim puts an owner's name to the first message that a sender owes and nobody has under way.
func (s *State) claim(sender, owner string, began time.Time) (*Incident, Event) {
	// The oldest is told first.
	for n := len(s.Ended) - 1; n >= 0; n-- {
		if event, ok := s.take(&s.Ended[n], sender, owner, began); ok {
			return &s.Ended[n], event
		}
	}
	for n := range s.Open {
		if event, ok := s.take(&s.Open[n], sender, owner, began); ok {
			return &s.Open[n], event
		}
	}
	return nil, ""
}

func (s *State) take(i *Incident, sender, owner string, began time.Time) (Event, bool) {
	event, ok := s.owed(i, sender, began)
	if !ok {
		return "", false
	}
	d := i.delivery(sender)
	if d == nil {
		i.Deliveries = append(i.Deliveries, Delivery{Sender: sender})
		d = &i.Deliveries[len(i.Deliveries)-1]
	}
	if s.Now.Before(d.Until) {
		return "", false
	}
	d.Owner, d.Until = owner, s.Now.Add(claimTime)
	d.Attempts++
	return event, true
}

// settle notes what became of a message that owner had taken on. It is noted also where another has taken it
// over since: it was sent.
func (s *State) settle(id, sender, owner string, event Event, failure string) {
	i := s.find(id)
	if i == nil {
		return
	}
	d := i.delivery(sender)
	if d == nil {
		return
	}
	if failure != "" {
		if d.Owner == owner {
			d.Error, d.Owner = failure, ""
			d.Until = s.Now.Add(min(lastRetry, firstRetry<<min(d.Attempts-1, 10)))
		}
		return
	}
	sent := &d.Opened
	if event == Ended {
		sent = &d.Ended
	}
	if sent.IsZero() {
		*sent = s.Now
	}
	if d.Owner == owner {
		d.Owner, d.Error, d.Attempts, d.Until = "", "", 0, time.Time{}
	}
}
