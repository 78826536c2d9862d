package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// operationLive is what the live part of an operation's page shows.
type operationLive struct {
	progress
	Word      phrase
	Says      phrase
	Share     int
	BoundAt   *moment
	DueAt     *moment
	StartedAt *moment
	EndedAt   *moment
	Failure   phrase
	Running   bool
	// Stops says that the reader may stop it.
	Stops bool
	// Back leads to the queue.
	Back string
	Gone bool
}

// distant are operations of other dashboards, as they were last told of.
type distant struct {
	mu  sync.Mutex
	all map[string]*told
}

type told struct {
	progress
	at     time.Time
	asking bool
}

// distantKept bounds how many are remembered.
const distantKept = 200

// operation is how far an operation of any dashboard has come.
func (s sight) operation(ctx context.Context, id string) (progress, error) {
	if op := s.d.bulk.find(id); op != nil {
		p := op.look()
		return p, s.check(p.Queue)
	}
	value, err := s.d.client.Desk().Progress(ctx, id)
	if errors.Is(err, queue.ErrInvalid) {
		err = fmt.Errorf("operation: %w", queue.ErrNotFound)
	}
	if err != nil {
		return progress{}, err
	}
	var p progress
	if err := json.Unmarshal(value, &p); err != nil {
		return progress{}, fmt.Errorf("operation %s: %w", id, err)
	}
	if err := s.check(p.Queue); err != nil {
		return progress{}, err
	}
	s.d.distant.keep(p)
	return p, nil
}

func (t *distant) keep(p progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil || len(t.all) >= distantKept {
		t.all = map[string]*told{}
	}
	t.all[p.ID] = &told{progress: p, at: time.Now()}
}

// latest is what was last told of an operation of another dashboard. Where that is old, it has it asked
// for: whoever renders the frame after gets the answer.
func (s sight) latest(id string) (progress, bool) {
	t := &s.d.distant
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.all[id]
	if known == nil || s.check(known.Queue) != nil {
		return progress{}, false
	}
	if !known.asking && known.Ended.IsZero() && time.Since(known.at) > progressEvery {
		known.asking = true
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), requestTime)
			defer cancel()
			if _, err := s.operation(ctx, id); err != nil {
				t.mu.Lock()
				defer t.mu.Unlock()
				known.asking, known.at = false, time.Now()
			}
		}()
	}
	return known.progress, true
}

func (d *Dashboard) operationData(ctx context.Context, v *view) (any, error) {
	return v.operation(ctx, v.query.Get("id"))
}

func operationLivePart(v *view) any {
	id := v.query.Get("id")
	var p progress
	var there bool
	if op := v.d.bulk.find(id); op != nil {
		p = op.look()
		there = v.check(p.Queue) == nil
	} else {
		p, there = v.latest(id)
	}
	a := actOf(string(p.Act))
	if !there || a == nil {
		return operationLive{Gone: true}
	}
	l := operationLive{
		progress: p, Word: a.word, StartedAt: newMoment(p.Started, v.now), EndedAt: newMoment(p.Ended, v.now), BoundAt: newMoment(p.Bound, v.now),
		DueAt: newMoment(p.Due, v.now), Running: p.Ended.IsZero(), Back: "queue?" + url.Values{"name": {p.Queue}}.Encode(),
	}
	l.Stops = l.Running && v.acts(access.Operate)
	l.Says = say("%s done, %s had moved on", formatCount(p.Done), formatCount(p.Moved))
	if want := max(p.Want, p.Done+p.Moved); want > 0 && l.Running {
		l.Share = int(100 * (p.Done + p.Moved) / want)
	}
	if !l.Running {
		l.Share = 100
	}
	if p.Failed != "" {
		l.Failure = failureWord(p.Failed)
	}
	return l
}

// failureWord says in the reader's language what public has said.
func failureWord(text string) phrase {
	for _, err := range []error{queue.ErrUnavailable, queue.ErrUnknown, queue.ErrWrongType, queue.ErrRedisFull} {
		if err.Error() == text {
			return cause(err)
		}
	}
	return say("The log says why.")
}

// stopOperation stops an operation of this dashboard, or asks the one that runs it to.
func (d *Dashboard) stopOperation(w http.ResponseWriter, r *http.Request, a *actor) {
	id := r.PostFormValue("id")
	p, err := a.operation(r.Context(), id)
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	if op := d.bulk.find(id); op != nil {
		op.cancel()
	} else if err := d.client.Desk().AskStop(r.Context(), p.ID, progressKept); err != nil {
		d.serveProblem(w, r, err)
		return
	}
	http.Redirect(w, r, d.cfg.BasePath+"/operation?"+url.Values{"id": {id}}.Encode(), http.StatusSeeOther)
}
