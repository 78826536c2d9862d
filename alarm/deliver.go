package alarm

import (
	"context"
	"log/slog"
	"strings"
	"time"
	"unicode"
)

// deliver sends what its sender owes until ctx ends.
func (w *Watcher) deliver(ctx context.Context, sender Sender, poked <-chan struct{}) {
	for {
		for ctx.Err() == nil && w.deliverOne(ctx, sender) {
		}
		timer := time.NewTimer(jitter(w.cfg.Interval))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-poked:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// deliverOne puts this process's name to a message and sends it. It says false where there is none to send.
func (w *Watcher) deliverOne(ctx context.Context, sender Sender) bool {
	w.mu.Lock()
	began := w.began
	w.mu.Unlock()
	if began.IsZero() {
		return false // Redis has not been reached yet
	}
	from := time.Now()
	var taken Incident
	var event Event
	callCtx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := w.board.change(callCtx, func(s *State) error {
		event = ""
		if i, e := s.claim(sender.Name(), w.id, began); i != nil {
			taken, event = *i, e
		}
		return nil
	})
	if err != nil || event == "" {
		return false // scan says in the log what Redis has
	}
	// A message on its way is not given up for the end of the process: nobody could say whether it arrived.
	rest := context.WithoutCancel(ctx)
	failure := w.send(rest, sender, &taken, event, from)
	w.settle(ctx, taken.ID, sender.Name(), event, failure)
	return true
}

// send sends one message and returns why it failed, or "".
func (w *Watcher) send(ctx context.Context, sender Sender, i *Incident, event Event, from time.Time) string {
	ctx, cancel := context.WithDeadline(ctx, from.Add(sendTime))
	defer cancel()
	err := sender.Send(ctx, w.compose(ctx, i, event))
	if err == nil {
		return ""
	}
	failure := oneLine(err.Error())
	w.cfg.Logger.ErrorContext(ctx, "alarm: message not sent", slog.String("sender", sender.Name()),
		slog.String("rule", i.Rule.Name), slog.String("queue", i.Queue), slog.String("error", failure))
	return failure
}

// settlePause is how long Redis is given until it is told again what became of a message. Meanwhile the
// message is this process's by name, and after claimTime another may take it for unsent.
const settlePause = 500 * time.Millisecond

// settle notes what became of a message, however long Redis is away. At the end of the process it tries once.
func (w *Watcher) settle(ctx context.Context, id, sender string, event Event, failure string) {
	for {
		callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		_, err := w.board.change(callCtx, func(s *State) error { s.settle(id, sender, w.id, event, failure); return nil })
		cancel()
		if err == nil || !sleep(ctx, jitter(settlePause)) {
			return
		}
	}
}

const maxFailure = 300

// oneLine is an error as it may be kept and shown.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	return strings.ToValidUTF8(text[:min(len(text), maxFailure)], "")
}
