package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
)

// route is one line of the table of routes: what is asked for, what that needs, and what answers.
type route struct {
	// pattern is GET or POST and a path below Config.BasePath, as http.ServeMux writes it. GET also
	// answers HEAD.
	pattern string
	// need is what the one who asks must be allowed to do. The handler is not called otherwise.
	need access.Permission
	// show answers GET, and POST of signing in and out. It has nothing in its hands that changes a job
	// or a queue.
	show http.HandlerFunc
	// change answers any other POST.
	change func(w http.ResponseWriter, r *http.Request, a *actor)

	// anyHost leaves out the list of hosts: balancers ask for /healthz under the address of the
	// machine, and it discloses nothing.
	anyHost bool
	// script lets programs sign in with each request, by a name and a password (HTTP Basic).
	script bool
	// stream answers for as long as somebody watches: neither time-out nor place among the requests of
	// a session is for it.
	stream bool
}

func (r *route) method() string { method, _, _ := strings.Cut(r.pattern, " "); return method }
func (r *route) path() string   { _, path, _ := strings.Cut(r.pattern, " "); return path }

// changing says whether the route changes anything for anyone else than the one who asks.
func (r *route) changing() bool { return r.method() != http.MethodGet && r.need != access.Enter }

// check refuses a route that could do what its line does not say.
func (r *route) check() error {
	switch method := r.method(); {
	case !strings.HasPrefix(r.path(), "/"):
		return fmt.Errorf("route %q: want a method and a path", r.pattern)
	case method != http.MethodGet && method != http.MethodPost:
		return fmt.Errorf("route %s: want GET or POST", r.pattern)
	case r.need < access.Anyone || r.need > access.Administer:
		return fmt.Errorf("route %s declares no permission", r.pattern)
	case (r.show == nil) == (r.change == nil):
		return fmt.Errorf("route %s: want either show or change", r.pattern)
	case r.changing() != (r.change != nil):
		return fmt.Errorf("route %s: change is for POST, and show for the rest", r.pattern)
	case r.changing() && (r.need == access.Anyone || r.need == access.See):
		return fmt.Errorf("route %s changes something and needs no more than to see", r.pattern)
	}
	return nil
}

// routes is the whole table. Config.ReadOnly takes the changing ones out of it.
func (d *Dashboard) routes() []route {
	var all []route
	for _, p := range d.table {
		all = append(all,
			route{pattern: "GET " + p.path, need: p.need, show: d.servePage(p)},
			route{pattern: "GET /events" + p.path, need: p.need, show: d.serveEvents(p), stream: true})
	}
	all = append(all, []route{
		{pattern: "POST /preferences", need: access.Enter, show: d.servePrefs},
		{pattern: "GET /api/v1/queues", need: access.See, show: d.serveQueues, script: true},
		{pattern: "POST /act", need: access.Operate, change: d.act},
		{pattern: "POST /queue/act", need: access.Operate, change: d.turn},
		{pattern: "POST /queue/delete", need: access.Operate, change: d.deleteQueue},
		{pattern: "POST /operation/stop", need: access.Operate, change: d.stopOperation},
		{pattern: "POST /job/reveal", need: access.Reveal, change: d.revealJob},
		{pattern: "GET /metrics", need: access.See, show: d.serveMetrics, script: true},
		{pattern: "GET /healthz", need: access.Anyone, show: d.serveHealth, anyHost: true},
		{pattern: "GET /readyz", need: access.Anyone, show: d.serveReady, anyHost: true},
		{pattern: "GET /static/{name}", need: access.Anyone, show: d.static.serve},
	}...)
	all = append(all, d.jobRoutes()...)
	all = append(all, d.numberRoutes()...)
	all = append(all, d.alertRoutes()...)
	all = append(all, d.signInRoutes()...)
	if !d.cfg.ReadOnly {
		return all
	}
	var kept []route
	for _, r := range all {
		if !r.changing() {
			kept = append(kept, r)
		}
	}
	return kept
}

// router serves the table: the mux answers other methods with 405 and other paths with 404.
func (d *Dashboard) router(routes []route) (http.Handler, error) {
	mux := http.NewServeMux()
	var errs []error
	for i := range routes {
		r := &routes[i]
		if err := r.check(); err != nil {
			errs = append(errs, err)
			continue
		}
		handler := d.guarded(r)
		if !r.anyHost {
			handler = forHosts(d.cfg.hosts(), handler)
		}
		mux.Handle(r.method()+" "+d.cfg.BasePath+r.path(), handler)
	}
	if d.cfg.BasePath != "" {
		mux.Handle("GET "+d.cfg.BasePath, http.RedirectHandler(d.cfg.BasePath+"/", http.StatusMovedPermanently))
	}
	protection := http.NewCrossOriginProtection()
	if origin := d.cfg.origin(); origin != "" {
		errs = append(errs, protection.AddTrustedOrigin(origin))
	}
	return secured(protection.Handler(d.orNowhere(mux))), errors.Join(errs...)
}

// orNowhere answers people who ask for a path that there is not with a page.
func (d *Dashboard) orNowhere(mux *http.ServeMux) http.Handler {
	nowhere := forHosts(d.cfg.hosts(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.plain(w, r, "refused", http.StatusNotFound, say("Not here"), struct{ Text phrase }{say("There is no page under this address.")})
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && wantsHTML(r) {
			_, get := mux.Handler(r)
			other := *r
			other.Method = http.MethodPost
			if _, post := mux.Handler(&other); get == "" && post == "" {
				nowhere.ServeHTTP(w, r)
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

const (
	// requestTime is how long a handler may take: a login may have to wait for a half of it, and a scrape
	// of many queues takes its time on a busy machine. maxBody is how long a form may be, in bytes.
	requestTime = 10 * time.Second
	maxBody     = 64 << 10
)

// guarded lets through who may.
func (d *Dashboard) guarded(rt *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if rt.need == access.Anyone {
			rt.show(w, r)
			return
		}
		id, err := d.identify(r, rt)
		if err != nil {
			d.refuse(w, r, err)
			return
		}
		r = r.WithContext(access.With(r.Context(), id))
		if !id.May(rt.need) {
			d.forbid(w, r, rt, id)
			return
		}
		d.answer(w, r, rt, id)
	})
}

// identify says who makes a request.
func (d *Dashboard) identify(r *http.Request, rt *route) (access.Identity, error) {
	id, err := d.gate.Identify(r)
	if rt.need == access.Enter {
		return id, nil // whoever it is not
	}
	if !rt.script || !errors.Is(err, access.ErrNobody) {
		return id, err
	}
	id, err = d.gate.ByPassword(r)
	if errors.Is(err, access.ErrRefused) {
		name, _, _ := r.BasicAuth()
		d.noteRefused(r, name, err)
	}
	return id, err
}

// answer calls the handler, within the limits of a session.
func (d *Dashboard) answer(w http.ResponseWriter, r *http.Request, rt *route, id access.Identity) {
	limit, within := d.requests, requestTime
	if rt.stream {
		limit, within = d.tabs, 0 // streams do not wait
	}
	wait, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	if !rt.stream {
		r = r.WithContext(wait)
	}
	leave, ok := limit.enter(wait, cmp.Or(id.Session, id.Name))
	if !ok {
		retryAfter(w, pollEvery)
		d.refusal(w, r, http.StatusTooManyRequests, say("Too many requests of yours are under way. Try again in a few seconds."))
		return
	}
	defer leave()
	if rt.change != nil {
		rt.change(w, r, &actor{sight: d.sight(r)})
		return
	}
	rt.show(w, r)
}
