package dashboard

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/dueq-io/dueq/queue"
)

// switches are what can be done to a queue itself.
var switches = map[string]func(ctx context.Context, in *queue.Inspector, name string) error{
	"pause":  func(ctx context.Context, in *queue.Inspector, name string) error { return in.Pause(ctx, name) },
	"resume": func(ctx context.Context, in *queue.Inspector, name string) error { return in.Resume(ctx, name) },
	"close":  func(ctx context.Context, in *queue.Inspector, name string) error { return in.CloseIntake(ctx, name) },
	"open":   func(ctx context.Context, in *queue.Inspector, name string) error { return in.OpenIntake(ctx, name) },
}

// turn turns a switch of a queue, or sets its limit.
func (d *Dashboard) turn(w http.ResponseWriter, r *http.Request, a *actor) {
	if err := r.ParseForm(); err != nil {
		d.serveProblem(w, r, errCutForm)
		return
	}
	name, do := r.PostForm.Get("queue"), r.PostForm.Get("do")
	e, turn, err := readSwitch(do, field(r.PostForm, "limit"))
	if err == nil {
		// Not every name in an address is a queue: a switch would make it one.
		v := d.view(r, a.frame(r.Context()), d.collector.latest.Load().made)
		err = v.known(name)
	}
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	e.Queue = name
	_, err = a.do(r, e, func(ctx context.Context, client *queue.Client) (int64, error) {
		return 0, turn(ctx, client.Inspector(), name)
	})
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	to, err := url.Parse(d.back(r))
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	query := to.Query()
	query.Set("did", do)
	to.RawQuery = query.Encode()
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// readSwitch is what to do, and how the journal calls it.
func readSwitch(do, limit string) (queue.JournalEntry, func(context.Context, *queue.Inspector, string) error, error) {
	e := queue.JournalEntry{Action: do}
	if turn, ok := switches[do]; ok {
		return e, turn, nil
	}
	if do != "limit" {
		return e, nil, wrongOrder(say("There is no such action."))
	}
	n, err := int64(0), error(nil)
	if limit != "" {
		n, err = strconv.ParseInt(limit, 10, 64)
	}
	if err != nil || n < 0 {
		return e, nil, wrongOrder(say("A limit is a number of jobs, 0 or more; without one there is no limit."))
	}
	e.Bound = strconv.FormatInt(n, 10)
	return e, func(ctx context.Context, in *queue.Inspector, name string) error { return in.SetMaxLen(ctx, name, n) }, nil
}
