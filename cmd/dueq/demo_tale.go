package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// tale prints what happens in the demo, as it happens.
type tale struct {
	w      io.Writer
	paint  paint
	silent bool
	asJSON bool

	mu    sync.Mutex
	began time.Time
}

func newTale(p *process, asJSON bool) *tale {
	return &tale{w: p.out, paint: paintFor(p.out), silent: asJSON, asJSON: asJSON, began: time.Now()}
}

func (t *tale) title(place, page string) {
	if t.silent {
		return
	}
	t.print("%s\n  redis      %s\n  dashboard  %s\n  stop       Ctrl-C\n\n", t.paint.as(bold, "dueq demo"), place, t.paint.as(cyan, page))
	t.print("%s\n", t.paint.as(dim, fmt.Sprintf("%8s  %-8s  %-12s  %s", "TIME", "EVENT", "JOB", "WHAT")))
}

// print writes to standard output, whose end is the end of the process.
func (t *tale) print(format string, args ...any) { _, _ = fmt.Fprintf(t.w, format, args...) }

// say prints one line of the columns time, event, job and what.
func (t *tale) say(colour, event, id, what string) {
	if t.silent {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	at := fmt.Sprintf("%7.2fs", time.Since(t.began).Seconds())
	t.print("%s  %s  %-12s  %s\n", t.paint.as(dim, at), t.paint.as(colour, fmt.Sprintf("%-8s", event)), id, what)
}

func (t *tale) enqueued(j queue.Job, about string) {
	t.say(dim, "enqueued", j.ID, fmt.Sprintf("due in %-5s %s", short(j.Delay.Round(time.Millisecond)), about))
}

func (t *tale) refused(j queue.Job, err error) {
	t.say(red, "refused", j.ID, oneLine(err.Error()))
}

func (t *tale) done(d *queue.Delivery, late time.Duration) {
	what := "started " + short(late) + " after its time"
	if d.Attempt > 1 {
		what += fmt.Sprintf(", at attempt %d", d.Attempt)
	}
	t.say(green, "done", d.ID, what)
}

func (t *tale) retry(d *queue.Delivery, err error) {
	again := queue.Table(d.Backoff...)(d.Failures + 1)
	t.say(yellow, "retry", d.ID, fmt.Sprintf("attempt %d of %d: %s; again in %s", d.Attempt, d.MaxAttempts, oneLine(err.Error()), short(again)))
}

// died is the worker's hook.
func (t *tale) died(_ context.Context, d *queue.Delivery, reason queue.Reason, err error) {
	if err == nil {
		err = errors.New("no error")
	}
	t.say(red, "dead", d.ID, fmt.Sprintf("%s after %s: %s", reason, plural(d.Attempt, "attempt"), oneLine(err.Error())))
}

// summary is the end of the demo.
type summary struct {
	Enqueued int64   `json:"enqueued"`
	Done     int64   `json:"done"`
	Retried  int64   `json:"retried"`
	Dead     int64   `json:"dead"`
	Early    int64   `json:"early"`
	P50      float64 `json:"lateness_p50_ms"`
	P99      float64 `json:"lateness_p99_ms"`

	waiting int64
	starts  int
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func (t *tale) end(s summary) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asJSON {
		return writeJSON(t.w, s)
	}
	early := "none"
	if s.Early > 0 {
		early = number(s.Early)
	}
	t.print("\n%s\n", t.paint.as(bold, "After "+short(time.Since(t.began).Round(time.Second/10))))
	defer t.print("  lateness  p50 %.1f ms, p99 %.1f ms, of %s, from due to running\n", s.P50, s.P99, plural(s.starts, "start"))
	return table(t.w, [][]string{
		{"  enqueued", number(s.Enqueued)},
		{"  done", number(s.Done)},
		{"  retried", number(s.Retried), "failures that were tried again"},
		{"  dead", number(s.Dead), "kept for an operator, with their errors"},
		{"  waiting", number(s.waiting), "their time had not come"},
		{"  early", early, "by Redis's clock"},
	})
}

// lateness is how late jobs started. It keeps the newest, so that a demo can run for ever.
type lateness struct {
	mu      sync.Mutex
	samples []time.Duration
	next    int
	early   int64
}

const keptSamples = 100_000

func (l *lateness) note(late time.Duration, early bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if early {
		l.early++
	}
	if len(l.samples) < keptSamples {
		l.samples = append(l.samples, late)
		return
	}
	l.samples[l.next] = late
	l.next = (l.next + 1) % keptSamples
}

func (l *lateness) summary() summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := summary{Early: l.early, starts: len(l.samples)}
	if len(l.samples) > 0 {
		at := quantiles(slices.Clone(l.samples), median, ninetyNinth)
		s.P50, s.P99 = milliseconds(at[0]), milliseconds(at[1])
	}
	return s
}
