package alarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// sheetName is where the state is, among what operators' tools share.
const sheetName = "alarms"

var (
	// ErrNoRule is returned when there is no rule of that name that was made at run time.
	ErrNoRule = errors.New("no such rule made at run time")
	// ErrNoSilence is returned when there is no silence of that ID.
	ErrNoSilence = errors.New("no such silence")
)

// Board is the alarms of a namespace, to look at and to change. It is safe for concurrent use.
type Board struct{ desk *queue.Desk }

// NewBoard returns the board of the client's namespace.
func NewBoard(client *queue.Client) *Board { return &Board{desk: client.Desk()} }

// State returns all that there is to know.
func (b *Board) State(ctx context.Context) (*State, error) {
	s, _, err := b.read(ctx)
	return s, err
}

func (b *Board) read(ctx context.Context) (*State, []byte, error) {
	sheet, err := b.desk.Sheet(ctx, sheetName)
	if err != nil {
		return nil, nil, fmt.Errorf("read alarms: %w", err)
	}
	s, err := decodeState(sheet.Value)
	if errors.Is(err, errNewerState) {
		return nil, nil, err
	}
	if err != nil {
		// Another program has written there. Alarms that stay silent for it would be worse than alarms that
		// begin anew.
		s, _ = decodeState(nil) // which always can
	}
	s.Now = sheet.Now
	return s, sheet.Value, nil
}

const (
	// changeTries is how often a change is tried against those of others, and changePause about how long it
	// waits before it is tried again.
	changeTries = 50
	changePause = 5 * time.Millisecond
)

// change changes the state in one step. do may be called again with a newer state, and its error leaves all as
// it was.
func (b *Board) change(ctx context.Context, do func(s *State) error) (*State, error) {
	var err error
	for range changeTries {
		var s *State
		var before, after []byte
		if s, before, err = b.read(ctx); err != nil {
			return nil, err
		}
		var was []byte
		if was, err = s.encode(); err != nil {
			return nil, err
		}
		if err := do(s); err != nil {
			return nil, err
		}
		if after, err = s.encode(); err != nil {
			return nil, err
		}
		if bytes.Equal(was, after) {
			return s, nil
		}
		if err = b.desk.RewriteSheet(ctx, sheetName, before, after); err == nil {
			return s, nil
		}
		if !errors.Is(err, queue.ErrChanged) {
			return nil, fmt.Errorf("change alarms: %w", err)
		}
		if !sleep(ctx, jitter(changePause)) {
			break
		}
	}
	return nil, fmt.Errorf("change alarms: %w", err)
}

// SetRule adds a rule, or replaces one that was made at run time. It returns ErrInvalid, also for the name of a
// rule that a configuration has.
func (b *Board) SetRule(ctx context.Context, r Rule) error {
	r = r.withDefaults()
	if err := r.validate(); err != nil {
		return err
	}
	r.Added = true
	_, err := b.change(ctx, func(s *State) error {
		old := s.rule(r.Name)
		switch {
		case old != nil && !old.Added:
			return fmt.Errorf("%w: rule %s is made by a configuration: change it there, or silence it", queue.ErrInvalid, r.Name)
		case old != nil:
			*old = r
		case len(s.Rules) >= maxRules:
			return fmt.Errorf("%w: there are %d rules, which is the most", queue.ErrInvalid, maxRules)
		default:
			s.Rules = append(s.Rules, r)
		}
		return nil
	})
	return err
}

// RemoveRule removes a rule that was made at run time; its incidents end. It returns ErrNoRule.
func (b *Board) RemoveRule(ctx context.Context, name string) error {
	_, err := b.change(ctx, func(s *State) error {
		old := s.rule(name)
		if old == nil || !old.Added {
			return fmt.Errorf("rule %s: %w", name, ErrNoRule)
		}
		s.Rules = slices.DeleteFunc(s.Rules, func(r Rule) bool { return r.Name == name })
		return nil
	})
	return err
}

// Silence adds a silence for the length of time from now on, by Redis's clock, and returns it with its ID and
// its end. Until may be left out of what it is given. It returns ErrInvalid.
func (b *Board) Silence(ctx context.Context, silence Silence, length time.Duration) (Silence, error) {
	silence = silence.withDefaults()
	silence.ID = newID()
	_, err := b.change(ctx, func(s *State) error {
		silence.Made, silence.Until = s.Now.Truncate(time.Millisecond), s.Now.Add(length).Truncate(time.Millisecond)
		if err := silence.validate(s.Now); err != nil {
			return err
		}
		s.Silences = slices.DeleteFunc(s.Silences, func(old Silence) bool { return !s.Now.Before(old.Until) })
		if len(s.Silences) >= maxSilences {
			return fmt.Errorf("%w: there are %d silences, which is the most", queue.ErrInvalid, maxSilences)
		}
		s.Silences = append(s.Silences, silence)
		return nil
	})
	return silence, err
}

// EndSilence ends a silence before its time. It returns ErrNoSilence.
func (b *Board) EndSilence(ctx context.Context, id string) error {
	_, err := b.change(ctx, func(s *State) error {
		before := len(s.Silences)
		s.Silences = slices.DeleteFunc(s.Silences, func(silence Silence) bool { return silence.ID == id })
		if len(s.Silences) == before {
			return fmt.Errorf("silence %s: %w", id, ErrNoSilence)
		}
		return nil
	})
	return err
}
