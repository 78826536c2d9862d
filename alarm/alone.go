package alarm

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// alone is an incident of Redis itself, which no process can share with others while it lasts.
type alone struct {
	Incident
	// told says which sender was told what, and next when one is tried again.
	told map[string]Event
	next map[string]time.Time
}

// redisPace is how often it is asked whether Redis has come back.
const redisPace = time.Second

// watchRedis tells by itself when Redis was away for too long, and when it is back.
func (w *Watcher) watchRedis(ctx context.Context) {
	incidents := map[string]*alone{}
	for sleep(ctx, redisPace) {
		w.mu.Lock()
		failure, reached, known := w.failure, w.reached, w.known
		w.mu.Unlock()
		away := time.Duration(0)
		if failure != nil {
			away = time.Since(reached)
		}
		for i := range known.Rules {
			r := &known.Rules[i]
			if r.Signal != RedisAway {
				continue
			}
			a := incidents[r.Name]
			if a == nil && away.Seconds() > r.Above+r.For.Seconds() {
				a = newAlone(r, reached, failure)
				incidents[r.Name] = a
				w.cfg.Logger.ErrorContext(ctx, "alarm: incident", w.attrs(&a.Incident)...)
			}
		}
		for name, a := range incidents {
			a.follow(away, failure)
			if w.tellAlone(ctx, a, known) && !a.Open() && w.keep(ctx, a) {
				delete(incidents, name)
			}
		}
	}
}

func newAlone(r *Rule, reached time.Time, failure error) *alone {
	host, _ := os.Hostname() // an unnamed host is still one
	now := time.Now()
	return &alone{
		Incident: Incident{
			ID: newID(), Rule: *r, Since: reached, Opened: now, Note: "seen by " + cmp.Or(host, "one process") + ": " + redisCause(failure),
		},
		told: map[string]Event{}, next: map[string]time.Time{},
	}
}

// redisCause says in public words why Redis cannot be used: its errors name hosts and users.
func redisCause(err error) string {
	switch {
	case errors.Is(err, queue.ErrRedisFull):
		return "Redis takes no writes, it is out of memory"
	case errors.Is(err, queue.ErrUnavailable):
		return "Redis cannot be reached or refuses to work"
	case errors.Is(err, queue.ErrUnknown):
		return "Redis does not answer"
	default:
		return "Redis answers with an error, which is in the log"
	}
}

// follow notes for how long Redis has been away, or that it is back.
func (a *alone) follow(away time.Duration, failure error) {
	switch {
	case failure != nil:
		a.Ended = time.Time{}
		a.Value = away.Seconds()
		a.Peak = max(a.Peak, a.Value)
	case a.Open():
		a.Ended = time.Now()
	}
}

// tellAlone sends what is to be sent, and says whether that is all.
func (w *Watcher) tellAlone(ctx context.Context, a *alone, known *State) bool {
	now := time.Now()
	silenced := slices.ContainsFunc(known.Silences, func(s Silence) bool { return s.covers(&a.Incident, now) })
	all := true
	for _, sender := range w.cfg.Senders {
		name := sender.Name()
		event := Opened
		switch {
		case a.told[name] == Opened && !a.Open():
			event = Ended
		case a.told[name] != "", silenced, !a.Open() && now.Sub(a.Ended) > worthTelling:
			continue
		}
		if now.Before(a.next[name]) || w.send(context.WithoutCancel(ctx), sender, &a.Incident, event, now) != "" {
			if !now.Before(a.next[name]) {
				a.next[name] = now.Add(firstRetry)
			}
			all = false
			continue
		}
		a.told[name] = event
		all = all && event == Ended
	}
	return all
}

// keep puts an incident that is over among those that people can look up. Of several processes that saw it one
// does.
func (w *Watcher) keep(ctx context.Context, a *alone) bool {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := w.board.change(ctx, func(s *State) error {
		seen := slices.ContainsFunc(s.Ended, func(i Incident) bool {
			return i.Rule.Name == a.Rule.Name && i.Since.Before(a.Ended) && a.Since.Before(i.Ended)
		})
		if !seen {
			over := a.Incident
			over.Deliveries = a.deliveries(s.Now)
			s.remember(over)
		}
		return nil
	})
	if err == nil {
		w.cfg.Logger.InfoContext(ctx, "alarm: incident is over", append(w.attrs(&a.Incident), slog.Duration("after", a.Ended.Sub(a.Since)))...)
	}
	return err == nil
}

// deliveries say that nothing is owed any more, which other processes would otherwise send once more.
func (a *alone) deliveries(now time.Time) []Delivery {
	var out []Delivery
	for name := range a.told {
		out = append(out, Delivery{Sender: name, Opened: a.Opened, Ended: now})
	}
	return out
}
