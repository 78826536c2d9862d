package dashboard

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dueq-io/dueq/queue"
)

// workerActs are what can be asked of a worker.
var workerActs = map[string]func(in *queue.Inspector, ctx context.Context, id string) error{
	"quiet": (*queue.Inspector).QuietWorker,
	"stop":  (*queue.Inspector).StopWorker,
}

// changeWorker asks a worker to take no more jobs, or to stop.
func (d *Dashboard) changeWorker(w http.ResponseWriter, r *http.Request, a *actor) {
	ask, ok := workerActs[r.PostFormValue("act")]
	if !ok {
		d.serveProblem(w, r, fmt.Errorf("act %q: %w", r.PostFormValue("act"), queue.ErrInvalid))
		return
	}
	id := r.PostFormValue("worker")
	if err := a.checkWorker(id); err != nil {
		d.serveProblem(w, r, err)
		return
	}
	err := ask(d.client.Inspector(), r.Context(), id)
	e := queue.JournalEntry{Action: r.PostFormValue("act") + " worker", Filter: "worker " + id, Count: 1}
	if err != nil {
		e.Count, e.Result = 0, public(err)
	}
	_ = d.note(r, a.id, e) // is in the log
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	http.Redirect(w, r, d.cfg.BasePath+"/workers", http.StatusSeeOther)
}

// checkWorker returns queue.ErrNotFound for a worker that is not there, or that serves queues out of sight,
// too: they would be without it.
func (a *actor) checkWorker(id string) error {
	workers := a.d.collector.latest.Load().fleet.Workers
	for i := range workers {
		if workers[i].ID != id {
			continue
		}
		for name := range workers[i].Queues {
			if err := a.check(name); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("worker %q: %w", id, queue.ErrNotFound)
}
