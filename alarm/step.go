package alarm

import (
	"slices"
	"time"
)

// value is a signal of one queue at one moment.
type value struct {
	of float64
	// begins and ends say whether it is good enough to begin an incident, and to end one: a share of three
	// attempts begins nothing, and where no job has started nobody knows how late they start.
	begins, ends bool
}

func sure(of float64) value { return value{of, true, true} }

// look is what one look at the queues has found.
type look struct {
	at time.Time
	// values are by signal and queue; Redis is the queue "". A queue that could not be read has no values,
	// and its incidents stay as they are.
	values map[Signal]map[string]value
	// queues are the names of all queues.
	queues []string
}

// step follows a look: it begins and ends incidents. What was seen before what the state was made of is too
// old to say anything.
func (s *State) step(l look) {
	if !l.at.After(s.Looked) {
		return
	}
	s.Looked = l.at
	pending := s.Pending
	s.Pending = map[string]time.Time{}
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Signal == RedisAway {
			continue
		}
		for name, v := range l.values[r.Signal] {
			if r.Covers(name) {
				s.compare(r, name, v, pending, l.at)
			}
		}
	}
	s.endOrphans(l)
	s.Silences = slices.DeleteFunc(s.Silences, func(silence Silence) bool { return !l.at.Before(silence.Until) })
}

// compare follows one value under one rule.
func (s *State) compare(r *Rule, name string, v value, pending map[string]time.Time, at time.Time) {
	if i := s.open(r.Name, name); i != nil {
		if v.begins || v.ends {
			i.Value, i.Peak = v.of, max(i.Peak, v.of)
		}
		if v.ends && v.of <= r.Clear {
			s.end(i, at, "")
		}
		return
	}
	if !v.begins || v.of <= r.Above {
		return
	}
	key := r.Name + "/" + name
	since, ok := pending[key]
	if !ok {
		since = at
	}
	if at.Sub(since) < r.For || len(s.Open) >= maxOpen {
		s.Pending[key] = since
		return
	}
	s.Open = append(s.Open, Incident{
		ID: newID(), Rule: *r, Queue: name, Since: since, Opened: at, Value: v.of, Peak: v.of,
	})
}

// end moves an incident to those that are over.
func (s *State) end(i *Incident, at time.Time, note string) {
	over := *i
	over.Ended, over.Note = at, note
	over.Silenced = slices.ContainsFunc(s.Silences, func(silence Silence) bool { return silence.covers(&over, at) })
	s.Open = slices.DeleteFunc(s.Open, func(open Incident) bool { return open.ID == over.ID })
	s.remember(over)
}

func (s *State) remember(over Incident) {
	s.Ended = slices.Insert(s.Ended, 0, over)
	s.Ended = s.Ended[:min(len(s.Ended), maxEnded)]
}

// endOrphans ends incidents whose rule or queue is gone.
func (s *State) endOrphans(l look) {
	for _, i := range slices.Clone(s.Open) {
		r := s.rule(i.Rule.Name)
		switch {
		case r == nil || r.Signal != i.Rule.Signal || !r.Covers(i.Queue):
			s.end(&i, l.at, "the rule is gone")
		case i.Queue != "" && !slices.Contains(l.queues, i.Queue):
			s.end(&i, l.at, "the queue is gone")
		}
	}
}
