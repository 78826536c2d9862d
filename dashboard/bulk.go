package dashboard

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// operationsAtOnce bounds how many run in this process at once, operationsKept how many are
	// remembered.
	operationsAtOnce = 4
	operationsKept   = 100
	// progressKept is for how long other dashboards find an operation, progressEvery how often this one
	// tells them.
	progressKept  = time.Hour
	progressEvery = time.Second
	// mostPasses bounds how often a list is gone through. Each pass leaves at most half of what is to be
	// done: what is done leaves the list, and what comes after moves up.
	mostPasses = 64
	// patience is how often an operation asks a Redis again that is away, tryAgainAfter how long it waits.
	patience      = 30
	tryAgainAfter = time.Second
	// lastWords is how long an operation has to note its end when the dashboard stops.
	lastWords = 5 * time.Second
)

// progress is how far an operation has come. Redis keeps it as JSON for other dashboards.
type progress struct {
	ID      string    `json:"id"`
	Act     act       `json:"act"`
	Queue   string    `json:"queue"`
	Filter  string    `json:"filter"`
	Bound   time.Time `json:"bound,omitzero"`
	Due     time.Time `json:"due,omitzero"`
	User    string    `json:"user,omitempty"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Want is how many jobs were counted before, More that there may be more.
	Want int64 `json:"want"`
	More bool  `json:"more,omitempty"`
	// Done and Moved are numbers of jobs, Looked is how many were looked at.
	Done   int64 `json:"done"`
	Moved  int64 `json:"moved"`
	Looked int64 `json:"looked"`
	// Stopped says that somebody stopped it, Failed what did.
	Stopped bool   `json:"stopped,omitempty"`
	Failed  string `json:"failed,omitempty"`
}

// operation is something that is done to many jobs in the background.
type operation struct {
	actor  *actor
	order  *order
	cancel context.CancelFunc
	// request is who asked for it, for the journal.
	request *http.Request
	id      string

	mu sync.Mutex
	progress
}

func (o *operation) look() progress {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.progress
}

func (o *operation) note(change func(*progress)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.progress)
}

// bulk runs the operations of this process.
type bulk struct {
	mu sync.Mutex
	// begin makes the context of an operation, which ends with Run; nil while that does not run.
	begin func(parent context.Context) (context.Context, context.CancelFunc)
	all   []*operation
	open  int
	wg    sync.WaitGroup
}

// run lets operations be started until ctx ends, and then waits until those under way have said so.
func (b *bulk) run(ctx context.Context) {
	b.mu.Lock()
	b.begin = func(parent context.Context) (context.Context, context.CancelFunc) {
		own, cancel := context.WithCancel(context.WithoutCancel(parent))
		stop := context.AfterFunc(ctx, cancel)
		return own, func() { stop(); cancel() }
	}
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	b.begin = nil
	b.mu.Unlock()
	b.wg.Wait()
}

// start begins an operation and returns its ID.
func (b *bulk) start(a *actor, r *http.Request, o *order, s size) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.begin == nil || b.open >= operationsAtOnce {
		return "", &refusal{
			http.StatusServiceUnavailable, say("Nothing was done"),
			say("Too many operations are under way here. Wait until one has ended."),
		}
	}
	ctx, cancel := b.begin(r.Context())
	id := rand.Text()
	op := &operation{actor: a, order: o, cancel: cancel, request: r.Clone(ctx), id: id, progress: progress{
		ID: id, Act: o.act.act, Queue: o.filter.Queue, Filter: o.filter.String(), Bound: o.filter.Bound, Due: o.due,
		User: a.id.Name, Started: time.Now(), Want: s.jobs, More: !s.exact,
	}}
	if b.all = append(b.all, op); len(b.all) > operationsKept {
		b.all = b.all[1:]
	}
	b.open++
	b.wg.Go(func() {
		defer cancel()
		op.run(ctx)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.open--
	})
	return id, nil
}

// find is an operation of this process, nil where it has none of that ID.
func (b *bulk) find(id string) *operation {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.all, func(o *operation) bool { return o.id == id })
	if i < 0 {
		return nil
	}
	return b.all[i]
}

// run does it and notes it in the journal, however it ended. Who sees that it has ended finds it there.
func (o *operation) run(ctx context.Context) {
	told := make(chan struct{})
	telling, stopTelling := context.WithCancel(ctx)
	go func() { defer close(told); o.tell(telling) }()
	err := o.work(ctx)
	stopTelling()
	<-told
	p := o.look()
	p.Ended = time.Now()
	p.Stopped = ctx.Err() != nil
	if err != nil && !p.Stopped {
		p.Failed = public(err)
	}
	e := queue.JournalEntry{
		Action: string(p.Act), Queue: p.Queue, Filter: p.Filter, Bound: "before " + writeTime(p.Bound), Count: p.Done,
		Reason: o.order.reason, Result: p.result(),
	}
	if due := dueText(p.Due); due != "" {
		e.Bound += ", " + due
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	_ = o.actor.d.note(o.request.WithContext(last), o.actor.id, e) // is in the log
	o.note(func(all *progress) { *all = p })
	o.share(last)
}

// result is how it ended, for the journal; empty for well.
func (p *progress) result() string {
	how := ""
	switch {
	case p.Stopped:
		how = "stopped"
	case p.Failed != "":
		how = p.Failed
	}
	if p.Moved == 0 {
		return how
	}
	if how != "" {
		how += ", "
	}
	return how + formatCount(p.Moved) + " had moved on"
}

// work goes through the list until a whole pass finds nothing to do.
func (o *operation) work(ctx context.Context) error {
	for range mostPasses {
		did, err := o.pass(ctx)
		if err != nil || did == 0 {
			return err
		}
	}
	return nil
}

// pass goes through the list once and returns to how many jobs it was done.
func (o *operation) pass(ctx context.Context) (did int64, err error) {
	f := o.order.filter
	q := f.query()
	q.Match, q.Limit, q.Scan = func(j *queue.JobInfo) bool { return f.matches(j) && o.open(j) }, queryPage, queryPage
	for {
		page, err := o.read(ctx, q)
		if err != nil {
			return did, err
		}
		seen := make([]queue.Seen, len(page.Jobs))
		for i := range page.Jobs {
			seen[i] = page.Jobs[i].Seen()
		}
		here, err := o.apply(ctx, seen)
		did += here.done
		o.note(func(p *progress) {
			p.Done, p.Moved, p.Looked = p.Done+here.done, p.Moved+here.moved, p.Looked+int64(page.Scanned)
		})
		switch {
		case err != nil:
			return did, err
		case page.Scanned > 0 && here.done == int64(page.Scanned):
			// All that stood here is gone: what comes next has moved up to here.
		case page.Cursor == "":
			return did, nil
		default:
			q.Cursor = page.Cursor
		}
	}
}

// open says whether there is something left to do to a job.
func (o *operation) open(j *queue.JobInfo) bool {
	switch o.order.act.act {
	case actRun:
		return j.At.After(time.Now())
	case actReschedule:
		return j.At.UnixMilli() != o.order.due.UnixMilli()
	default:
		return !j.Cancelled
	}
}

// read reads a page; a Redis that is away is asked again.
func (o *operation) read(ctx context.Context, q queue.Query) (page queue.Page, err error) {
	err = o.insist(ctx, func() error {
		page, err = o.actor.scan(ctx, o.order.filter.Queue, q)
		return err
	})
	return page, err
}

// apply does it to some jobs. A call whose outcome is unknown is made again: jobs to which it was done
// have moved on then.
func (o *operation) apply(ctx context.Context, seen []queue.Seen) (out outcome, err error) {
	if len(seen) == 0 {
		return out, nil
	}
	err = o.insist(ctx, func() error {
		out = outcome{}
		return out.add(o.order.act.do(ctx, o.actor.d.client.Inspector(), o.order.filter.Queue, seen, o.order.due))
	})
	return out, err
}

// insist calls until it works, or fails in a way that will not pass.
func (o *operation) insist(ctx context.Context, call func() error) error {
	for tries := 0; ; tries++ {
		err := call()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !passes(err) || tries == patience {
			return err
		}
		select {
		case <-time.After(tryAgainAfter):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell shares the progress with other dashboards until ctx ends, and hears of one that wants a stop.
func (o *operation) tell(ctx context.Context) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if o.share(ctx) {
			o.cancel()
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// share tells how far it is, and returns whether somebody wants it to stop.
func (o *operation) share(ctx context.Context) (stop bool) {
	value, err := json.Marshal(o.look())
	if err == nil {
		stop, err = o.actor.d.client.Desk().SetProgress(ctx, o.id, value, progressKept)
	}
	if err != nil && ctx.Err() == nil {
		o.actor.d.cfg.Logger.WarnContext(ctx, "dashboard: progress of an operation cannot be shared", slog.Any("error", err))
	}
	return stop
}
