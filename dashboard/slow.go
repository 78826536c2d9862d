package dashboard

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/queue"
)

// slow is what a collector knows beside the queues themselves. It is read less often, and apart from them,
// so that nothing puts off the sample by which everyone sees that Redis answers. Its maps are never changed,
// only replaced.
type slow struct {
	activity map[string]activity
	hours    map[string]hour
	servers  []queue.ServerInfo
	horizons map[wish][]queue.Horizon
	series   map[wish]queue.Series
	// errors is nil until failed jobs were looked at.
	errors []failure
	// alarms is nil until it was asked what rules are broken.
	alarms *alarm.State
	// ahead is Redis's time less this machine's.
	ahead time.Duration
}

// How old each part may be while someone watches. Otherwise nothing is read but when a sample is taken.
const (
	activityEvery = 5 * time.Second
	serversEvery  = 5 * time.Second
	hoursEvery    = 15 * time.Second
	// hoursAtOnce bounds how many queues' hours are read in one go.
	hoursAtOnce = 50
	wishEvery   = 5 * time.Second
	// wishOfAllEvery is for what is asked for of every queue.
	wishOfAllEvery = 10 * time.Second
	alarmsEvery    = 10 * time.Second
)

// slowReader reads what is slow. One goroutine at a time uses it.
type slowReader struct {
	source
	logger *slog.Logger
	// read is when each part was last read, failed why it last could not be.
	read   map[any]time.Time
	failed map[string]string
}

func newSlowReader(s source, logger *slog.Logger) *slowReader {
	return &slowReader{source: s, logger: logger, read: map[any]time.Time{}, failed: map[string]string{}}
}

// hourOf is the key of a queue's hour in slowReader.read.
type hourOf string

// next returns what is known after everything that is due was read anew, and whether some of it was not
// known before.
func (r *slowReader) next(ctx context.Context, known slow, f *frame, wishes []wish) (out slow, news bool) {
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	out = known
	names := f.readable()
	if r.servers != nil && r.due("servers", serversEvery) {
		servers, err := r.servers(ctx)
		out.servers = servers
		r.note(ctx, "servers", err)
		news = news || known.servers == nil
	}
	if r.activity != nil && len(names) > 0 && r.due("activity", activityEvery) {
		r.note(ctx, "activity", r.readActivity(ctx, &out))
		news = news || known.activity == nil
	}
	if r.series != nil {
		r.note(ctx, "hours", r.readHours(ctx, &out, names))
		news = news || known.hours == nil && len(names) > 0
	}
	granted := r.readWishes(ctx, &out, wishes)
	if slices.ContainsFunc(wishes, func(w wish) bool { return w.what == wishOverview }) {
		told := r.readOverview(ctx, &out, f)
		news = news || told
	}
	r.forget(names, wishes)
	return out, news || granted
}

// readOverview reads what only the Overview shows, and says whether some of it is new.
func (r *slowReader) readOverview(ctx context.Context, out *slow, f *frame) (news bool) {
	if r.jobs != nil && r.due("errors", errorsEvery) {
		failures, err := r.readErrors(ctx, f)
		r.note(ctx, "errors", err)
		if err == nil {
			news = out.errors == nil
			out.errors = failures
		}
	}
	if r.alarms != nil && r.due("alarms", alarmsEvery) {
		state, err := r.alarms(ctx)
		r.note(ctx, "alarms", err)
		news = news || out.alarms == nil && err == nil
		out.alarms = state
	}
	return news
}

// due says whether a part is to be read, and takes it that it now will be.
func (r *slowReader) due(part any, every time.Duration) bool {
	const slack = 100 * time.Millisecond // samples are not to the ms
	if last, ok := r.read[part]; ok && time.Since(last) < every-slack {
		return false
	}
	r.read[part] = time.Now()
	return true
}

// note logs that a part cannot be read, and that it can again, once each.
func (r *slowReader) note(ctx context.Context, part string, err error) {
	before := r.failed[part]
	switch {
	case errors.Is(ctx.Err(), context.Canceled): // the collector ends
	case err != nil && before != cause(err).String():
		r.failed[part] = cause(err).String()
		r.logger.Warn("dashboard: cannot be read", slog.String("part", part), slog.Any("error", err))
	case err == nil && before != "":
		delete(r.failed, part)
		r.logger.Info("dashboard: can be read again", slog.String("part", part))
	}
}

func (r *slowReader) readActivity(ctx context.Context, out *slow) error {
	out.activity = map[string]activity{}
	five, err := r.activity(ctx, lately)
	if err != nil {
		return err
	}
	minute, err := r.activity(ctx, latelyToo)
	if err != nil {
		return err
	}
	for i := range five {
		out.activity[five[i].Queue] = activity{five: five[i]}
		out.ahead = time.Until(five[i].To)
	}
	for i := range minute {
		a := out.activity[minute[i].Queue]
		a.minute = minute[i]
		out.activity[minute[i].Queue] = a
	}
	return nil
}

// readHours reads the last hour of the queues of which it is old.
func (r *slowReader) readHours(ctx context.Context, out *slow, names []string) error {
	hours := map[string]hour{}
	for _, name := range names {
		if h, ok := out.hours[name]; ok {
			hours[name] = h
		}
	}
	out.hours = hours
	now, left := time.Now().Add(out.ahead), hoursAtOnce
	for _, name := range names {
		if left == 0 || !r.due(hourOf(name), hoursEvery) {
			continue
		}
		left--
		s, err := r.series(ctx, name, now.Add(seriesStep-hourSpan), now, seriesStep)
		if err != nil {
			delete(hours, name)
			return err
		}
		hours[name] = newHour(&s)
	}
	return nil
}

// readWishes reads what pages ask for, and says whether some of it is new.
func (r *slowReader) readWishes(ctx context.Context, out *slow, wishes []wish) (news bool) {
	horizons, series := map[wish][]queue.Horizon{}, map[wish]queue.Series{}
	for _, w := range wishes {
		old, known := out.horizons[w]
		oldSeries, knownSeries := out.series[w]
		switch {
		case !r.due(w, w.every()) && (known || knownSeries):
		case w.what == wishHorizon && r.horizons != nil:
			got, err := r.horizons(ctx, reachOf(w.span).bounds(), w.queues()...)
			r.note(ctx, "horizons", err)
			old, news, known = got, news || !known, true
		case w.what == wishSeries && r.series != nil:
			got, err := r.wishedSeries(ctx, w, out.ahead)
			r.note(ctx, "series", err)
			oldSeries, news, knownSeries = got, news || !knownSeries, true
		}
		if known {
			horizons[w] = old
		}
		if knownSeries {
			series[w] = oldSeries
		}
	}
	out.horizons, out.series = horizons, series
	return news
}

func (r *slowReader) wishedSeries(ctx context.Context, w wish, ahead time.Duration) (queue.Series, error) {
	span, now := rangeOf(w.span), time.Now().Add(ahead)
	return r.series(ctx, w.queue, now.Add(span.step-span.length), now, span.step)
}

// forget drops the times of what is no longer read.
func (r *slowReader) forget(names []string, wishes []wish) {
	kept := map[any]time.Time{"servers": r.read["servers"], "activity": r.read["activity"], "errors": r.read["errors"], "alarms": r.read["alarms"]}
	keep := func(part any) {
		if at, ok := r.read[part]; ok {
			kept[part] = at
		}
	}
	for _, name := range names {
		keep(hourOf(name))
	}
	for _, w := range wishes {
		keep(w)
	}
	maps.DeleteFunc(kept, func(_ any, at time.Time) bool { return at.IsZero() })
	r.read = kept
}
