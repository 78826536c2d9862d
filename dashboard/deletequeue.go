package dashboard

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// deletedQueue is the deed in the journal, and in the address of the page that tells of it.
const deletedQueue = "delete queue"

// deleteQueue removes a queue, after a page that asks whether to. One that has jobs, or that workers serve, goes
// only where its name was typed.
func (d *Dashboard) deleteQueue(w http.ResponseWriter, r *http.Request, a *actor) {
	if err := r.ParseForm(); err != nil {
		d.serveProblem(w, r, errCutForm)
		return
	}
	name, typed := r.PostForm.Get("queue"), field(r.PostForm, "typed")
	p, err := a.askToDelete(r, name)
	switch {
	case err != nil:
		d.serveProblem(w, r, err)
		return
	case r.PostForm.Get("sure") == "":
		d.show(w, r, "act", p)
		return
	case len(field(r.PostForm, "reason")) > longestField:
		d.serveProblem(w, r, wrongOrder(say("A field has more than %d bytes.", longestField)))
		return
	case typed != "" && typed != name:
		p.refuse(name, say("What was typed is not %s.", name))
		d.show(w, r, "act", p)
		return
	}
	e := queue.JournalEntry{Action: deletedQueue, Queue: name, Reason: field(r.PostForm, "reason")}
	_, err = a.do(r, e, func(ctx context.Context, client *queue.Client) (int64, error) {
		return client.Inspector().DeleteQueue(ctx, name, typed == name)
	})
	switch {
	case errors.Is(err, queue.ErrNotEmpty), errors.Is(err, queue.ErrServed):
		p.refuse(name, say("The queue has jobs, or workers serve it. Its name has to be typed."))
		d.show(w, r, "act", p)
	case err != nil && !errors.Is(err, queue.ErrUnknownQueue): // which is what was wanted
		d.serveProblem(w, r, err)
	default:
		http.Redirect(w, r, d.cfg.BasePath+"/queues?"+url.Values{"did": {deletedQueue}}.Encode(), http.StatusSeeOther)
	}
}

// askToDelete is the page that asks, with what is in the queue now.
func (a *actor) askToDelete(r *http.Request, name string) (*actPage, error) {
	f := a.frame(r.Context())
	v := a.d.view(r, f, time.Now())
	if err := v.known(name); err != nil {
		return nil, err
	}
	info, err := a.queue(r.Context(), name)
	if err != nil {
		return nil, err
	}
	p := &actPage{
		Title: say("Delete the queue %s?", name), To: "queue/delete", Act: &actInfoView{Word: say("Delete")}, Final: true, Back: a.d.back(r),
		Fields: [][2]string{{"queue", name}, {"back", r.PostForm.Get("back")}},
		Text:   say("Its settings and counts go with it. A producer that enqueues to it afterwards begins it anew."),
	}
	for _, s := range tabStates {
		if n := info.State(s); n > 0 {
			p.Facts = append(p.Facts, fact{Name: stateWord(s), Value: formatJobs(n)})
			if s != queue.Done {
				p.Word = name
			}
		}
	}
	if crew := f.queue(name).crew; crew.workers > 0 {
		p.Facts = append(p.Facts, fact{Name: say("Workers"), Value: say("%d", crew.workers)})
		p.Word = name
	}
	return p, nil
}

// refuse says why nothing was done, and that the word has to be typed.
func (p *actPage) refuse(word string, why phrase) {
	p.Word, p.Wrong, p.Status = word, why, http.StatusConflict
}

func (p *actPage) httpStatus() int { return cmp.Or(p.Status, http.StatusOK) }

// queuesPage is what the page of all queues shows beside its live part.
type queuesPage struct{ Did phrase }

func queuesData(_ context.Context, v *view) (any, error) { return queuesPage{didPhrase(v.query)}, nil }
