package dashboard

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// actPage asks whether to do it.
type actPage struct {
	Title phrase
	Act   *actInfoView
	// To is the path below Config.BasePath that the answer goes to.
	To string
	// Status is the HTTP status. Default: 200.
	Status int
	// Facts and Text are about what it would be done to.
	Facts []fact
	Text  phrase
	// Fields are those of the form as it was, Filter what selects the jobs, Bound up to when.
	Fields [][2]string
	Filter [][2]string
	Bound  *moment
	// Some are a few of the jobs.
	Some []jobRef
	More bool
	// Word is what has to be typed; empty: nothing. Wrong says what is wrong with what was.
	Word  string
	Wrong phrase
	// When says that a new time is wanted.
	When  bool
	Final bool
	Back  string
	None  bool
}

// actInfoView is an act for a template.
type actInfoView struct {
	Name act
	Word phrase
}

// act does something to jobs, at once or after asking whether to.
func (d *Dashboard) act(w http.ResponseWriter, r *http.Request, a *actor) {
	if err := r.ParseForm(); err != nil {
		d.serveProblem(w, r, errCutForm)
		return
	}
	o, err := readOrder(r.PostForm, time.Now())
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	size, err := a.size(r.Context(), o)
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	need, word := o.confirmation(size.jobs, size.exact), o.word(d.namespace)
	confirmed := need == atOnce || (o.sure && (need == byButton || o.typed == word))
	nothing := o.picked == nil && size.jobs == 0 && size.exact
	if nothing || !confirmed || (o.act.act == actReschedule && o.due.IsZero()) {
		d.askFirst(w, r, o, &size, need)
		return
	}
	if o.picked != nil {
		a.carryOut(w, r, o)
		return
	}
	id, err := d.bulk.start(a, r, o, size)
	if err != nil {
		d.serveProblem(w, r, err)
		return
	}
	http.Redirect(w, r, d.cfg.BasePath+"/operation?"+url.Values{"id": {id}}.Encode(), http.StatusSeeOther)
}

var errCutForm = &refusal{http.StatusBadRequest, say("Nothing was done"), say("This form did not arrive whole.")}

// size is how many jobs an order is about.
type size struct {
	jobs  int64
	exact bool
	// some are a few of them.
	some []jobRef
}

const (
	// counted is how many jobs are looked at to count those that a filter selects.
	countedJobs = 10_000
	// shownSome is how many jobs a page that asks shows.
	shownSome = 5
)

// size counts the jobs of an order: those that were picked, or those that the filter selects now.
func (a *actor) size(ctx context.Context, o *order) (size, error) {
	if o.picked != nil {
		s := size{jobs: o.count(), exact: true}
		for _, name := range slices.Sorted(maps.Keys(o.picked)) {
			if err := a.check(name); err != nil {
				return s, err
			}
			for _, seen := range o.picked[name] {
				if len(s.some) < shownSome {
					s.some = append(s.some, jobRef{name, seen.ID})
				}
			}
		}
		return s, nil
	}
	s := size{exact: true}
	f := o.filter
	q := f.query()
	q.Match, q.Limit, q.Scan = f.matches, queryPage, queryPage
	for looked := 0; ; {
		page, err := a.scan(ctx, f.Queue, q)
		if err != nil {
			return s, err
		}
		s.jobs += int64(len(page.Jobs))
		for i := range page.Jobs {
			if len(s.some) < shownSome {
				s.some = append(s.some, jobRef{f.Queue, page.Jobs[i].ID})
			}
		}
		looked += page.Scanned
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return s, nil
		}
		if looked >= countedJobs {
			s.exact = false
			return s, nil
		}
	}
}

// queryPage is how many jobs are read at once.
const queryPage = 500

// scan is jobs without hiding anything, for what is not shown; what is looked for is looked for in what
// may be seen all the same.
func (a *actor) scan(ctx context.Context, name string, q queue.Query) (queue.Page, error) {
	if err := a.check(name); err != nil {
		return queue.Page{}, err
	}
	a.blindfold(&q)
	return a.d.client.Inspector().Jobs(ctx, name, q)
}

// askFirst shows what would be done, and what it takes.
func (d *Dashboard) askFirst(w http.ResponseWriter, r *http.Request, o *order, s *size, need confirmation) {
	jobs := formatJobs(s.jobs)
	if !s.exact {
		jobs = say("at least %s", jobs)
	}
	p := &actPage{
		Title: o.act.title.of(jobs), Act: &actInfoView{o.act.act, o.act.word}, To: "act", Some: s.some, More: s.jobs > int64(len(s.some)),
		When: o.act.act == actReschedule, Final: o.act.final, Back: d.back(r), None: s.jobs == 0,
	}
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		if !slices.Contains([]string{"act", "when", "reason", "typed", "sure", "bound"}, name) {
			for _, value := range r.PostForm[name] {
				p.Fields = append(p.Fields, [2]string{name, value})
			}
		}
	}
	if o.picked == nil {
		p.Fields = append(p.Fields, [2]string{"bound", writeTime(o.filter.Bound)})
		p.Filter, p.Bound = o.filter.pairs(), newMoment(o.filter.Bound, time.Now())
		p.Filter = slices.DeleteFunc(p.Filter, func(pair [2]string) bool { return pair[0] == "bound" })
	}
	if need == byTyping {
		p.Word = o.word(d.namespace)
	}
	switch {
	case o.sure && p.Word != "" && o.typed != p.Word:
		p.Wrong = say("What was typed is not %s.", p.Word)
	case o.sure && p.When && o.due.IsZero():
		p.Wrong = say("The new time is missing.")
	}
	d.show(w, r, "act", p)
}

// carryOut does it to the jobs that were picked, one journal entry for each queue.
func (a *actor) carryOut(w http.ResponseWriter, r *http.Request, o *order) {
	var all outcome
	for _, name := range slices.Sorted(maps.Keys(o.picked)) {
		jobs := o.picked[name]
		e := queue.JournalEntry{Action: string(o.act.act), Queue: name, Filter: idList(jobs), Bound: dueText(o.due), Reason: o.reason}
		_, err := a.do(r, e, func(ctx context.Context, client *queue.Client) (int64, error) {
			var here outcome
			err := here.add(o.act.do(ctx, client.Inspector(), name, jobs, o.due))
			all.done, all.moved = all.done+here.done, all.moved+here.moved
			return here.done, err
		})
		if err != nil {
			a.d.serveProblem(w, r, err)
			return
		}
	}
	to := a.d.back(r)
	if o.single() {
		for name, jobs := range o.picked {
			if landing := landingOf(name, jobs[0], to, o.act.final); landing != to {
				to = a.d.cfg.BasePath + "/" + landing
			}
		}
	}
	http.Redirect(w, r, withDid(to, string(o.act.act), all), http.StatusSeeOther)
}

// idList names jobs for the journal, which cuts what is too long.
func idList(jobs []queue.Seen) string {
	ids := make([]string, len(jobs))
	for i := range jobs {
		ids[i] = jobs[i].ID
	}
	return "id=" + strings.Join(ids, ",")
}

// dueText is the new time of an order for the journal.
func dueText(due time.Time) string {
	if due.IsZero() {
		return ""
	}
	return "due " + writeTime(due)
}
