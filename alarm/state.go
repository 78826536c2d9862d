package alarm

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Incident is a time for which a rule was broken.
type Incident struct {
	// ID is one incident, and no other ever.
	ID string `json:"id"`
	// Rule is the rule as it was when the incident began.
	Rule Rule `json:"rule"`
	// Queue is whose; empty: Redis's.
	Queue string `json:"queue,omitempty"`
	// Since is when the value was first seen over the limit, Opened when that had lasted for long enough, and
	// Ended when it was over, zero while it is not. All are by Redis's clock.
	Since  time.Time `json:"since"`
	Opened time.Time `json:"opened"`
	Ended  time.Time `json:"ended,omitzero"`
	// Value is the latest and Peak the highest, in the unit of the signal.
	Value float64 `json:"value"`
	Peak  float64 `json:"peak"`
	// Note says why the incident ended where it is not that the value went down.
	Note string `json:"note,omitempty"`
	// Silenced says that it ended under a silence.
	Silenced bool `json:"silenced,omitempty"`
	// Deliveries are what became of its messages, one for each sender.
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// Open says whether the incident goes on.
func (i *Incident) Open() bool { return i.Ended.IsZero() }

// Delivery is what one sender did about an incident.
type Delivery struct {
	Sender string `json:"sender"`
	// Opened and Ended are when the message of the beginning and that of the end were sent; zero: not sent.
	Opened time.Time `json:"opened,omitzero"`
	Ended  time.Time `json:"ended,omitzero"`
	// Attempts is how often the message that is under way was tried, and Error why it failed last.
	Attempts int    `json:"attempts,omitempty"`
	Error    string `json:"error,omitempty"`
	// Owner is the process that has put its name to the message, and Until the moment before which no other
	// takes it over or tries it again.
	Owner string    `json:"owner,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// State is all that there is to know about alarms. Each watcher of a namespace has the same.
type State struct {
	Rules []Rule `json:"rules"`
	// Open are the incidents that go on, and Ended those that are over, newest first, at most 200.
	Open     []Incident `json:"open"`
	Ended    []Incident `json:"ended"`
	Silences []Silence  `json:"silences"`
	// Pending says since when a rule has been broken that was not broken for long enough yet, by rule and
	// queue.
	Pending map[string]time.Time `json:"pending,omitempty"`
	// Looked is when a watcher last looked at the queues: long ago means that none runs.
	Looked time.Time `json:"looked,omitzero"`
	// Now is Redis's time when the state was read.
	Now time.Time `json:"now"`

	// Published says that a watcher has put its rules here. It has not where Redis has lost all.
	Published bool `json:"published"`
	Format    int  `json:"format"`
}

const (
	stateFormat = 1
	maxEnded    = 200
	maxOpen     = 500
)

var errNewerState = errors.New("the state of alarms is of a newer dueq")

// decodeState reads a state; that of nothing is empty.
func decodeState(text []byte) (*State, error) {
	s := &State{Format: stateFormat}
	if len(text) > 0 {
		if err := json.Unmarshal(text, s); err != nil {
			return nil, fmt.Errorf("the state of alarms cannot be read: %w", err)
		}
	}
	if s.Format > stateFormat {
		return nil, errNewerState
	}
	if s.Pending == nil {
		s.Pending = map[string]time.Time{}
	}
	return s, nil
}

func (s *State) encode() ([]byte, error) {
	s.Format = stateFormat
	kept := *s
	kept.Now = time.Time{}
	return json.Marshal(&kept)
}

// Silenced says whether messages of an incident are held back now.
func (s *State) Silenced(i *Incident) bool {
	return slices.ContainsFunc(s.Silences, func(silence Silence) bool { return silence.covers(i, s.Now) })
}

// open finds an incident that goes on.
func (s *State) open(rule, name string) *Incident {
	for i := range s.Open {
		if s.Open[i].Rule.Name == rule && s.Open[i].Queue == name {
			return &s.Open[i]
		}
	}
	return nil
}

// find returns an incident by its ID, nil where it is forgotten.
func (s *State) find(id string) *Incident {
	for _, list := range [][]Incident{s.Open, s.Ended} {
		for i := range list {
			if list[i].ID == id {
				return &list[i]
			}
		}
	}
	return nil
}

// rule returns a rule by its name, nil where there is none.
func (s *State) rule(name string) *Rule {
	for i := range s.Rules {
		if s.Rules[i].Name == name {
			return &s.Rules[i]
		}
	}
	return nil
}

// publish puts rules in the place of those of configurations before. Those made at run time stay, unless one
// of the configuration has their name.
func (s *State) publish(rules []Rule) {
	out := slices.Clone(rules)
	for _, r := range s.Rules {
		if r.Added && !slices.ContainsFunc(rules, func(c Rule) bool { return c.Name == r.Name }) {
			out = append(out, r)
		}
	}
	s.Rules, s.Published = out, true
}

func newID() string { return rand.Text() }
