package dashboard

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// never is an Authenticator that signs nobody in.
type never struct{}

func (never) Label() string { return "Elsewhere" }
func (never) Start(w http.ResponseWriter, r *http.Request, callback string) error {
	http.Redirect(w, r, "https://id.example/?back="+callback, http.StatusSeeOther)
	return nil
}

func (never) Finish(http.ResponseWriter, *http.Request, string) (access.Identity, error) {
	return access.Identity{}, access.ErrStranger
}

// TestEveryRouteAsEachRole walks the table: whoever may not do what a route does is refused before its
// handler is reached, on HEAD and on POST, and whoever may is not.
func TestEveryRouteAsEachRole(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	d := withPeople(t, client, Config{PublicURL: "http://localhost", Access: access.Config{Authenticator: never{}}})
	as := map[string]*person{"": newPerson(t, d)}
	for _, role := range access.Roles() {
		as[string(role)] = newPerson(t, d).enter(string(role))
	}
	needs := map[string]int{}
	for _, rt := range d.routes() {
		path := strings.NewReplacer("{$}", "", "{name}", "none").Replace(rt.path())
		method := rt.method()
		if method == http.MethodGet {
			method = http.MethodHead // ends on a stream, too
		}
		for name, p := range as {
			got := p.ask(method, path, nil)
			if got.header.Get("Content-Security-Policy") != contentSecurity || got.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s as %q lacks headers: %v", rt.pattern, name, got.header)
			}
			if rt.pattern == "POST /logout" && name != "" {
				p.enter(name)
			}
			may := access.Role(name).May(rt.need)
			refused := got.status == http.StatusForbidden && strings.Contains(got.body, "may not do this")
			signIn := got.status == http.StatusSeeOther && strings.HasPrefix(got.header.Get("Location"), "/login")
			switch {
			case rt.need == access.Enter: // refuses nobody; what it does is tested elsewhere
			case may && (refused || signIn), !may && name != "" && !refused, !may && name == "" && !signIn:
				t.Errorf("%s as %q: %d %s", rt.pattern, name, got.status, got.header.Get("Location"))
			}
			needs[name] += count(!may)
		}
	}
	if needs[""] <= needs["viewer"] || needs["operator"] == 0 || needs["admin"] != 0 {
		t.Errorf("refused: %v", needs)
	}
}

// TestNobodyGetsNothing: without a session there is nothing but the login, for people and for programs.
func TestNobodyGetsNothing(t *testing.T) {
	t.Parallel()
	d := withPeople(t, open(t, "memory://"), Config{BasePath: "/ops"})
	closed := []string{"/ops/", "/ops/sessions", "/ops/metrics", "/ops/events/"}
	for _, rt := range d.routes() {
		if strings.HasPrefix(rt.path(), "/api/") {
			closed = append(closed, "/ops"+rt.path())
		}
	}
	if len(closed) < 4+11 {
		t.Errorf("%d routes", len(closed))
	}
	for _, path := range closed {
		newPerson(t, d).get(path).leads(t, "/ops/login?next="+strings.NewReplacer("/", "%2F", "?", "%3F", "=", "%3D").Replace(path))
		got := request(t, d, http.MethodGet, path)
		if got.status != http.StatusUnauthorized || got.body != "Sign in\n" || got.header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s for a program: %d %s", path, got.status, got.body)
		}
	}
	newPerson(t, d).post("/ops/sessions/end", "session", "x").leads(t, "/ops/login")
	for _, path := range []string{"/ops/healthz", "/ops/readyz"} {
		if got := request(t, d, http.MethodGet, path); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "stopped") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/ops/healthz/", "/ops/healthz/../api/v1/queues", "/ops/x/healthz", "//ops/healthz"} {
		if got := request(t, d, http.MethodGet, path); got.status == http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestRouteThatSaysTooLittleIsRefused(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{}, nil)
	show := func(http.ResponseWriter, *http.Request) {}
	change := func(http.ResponseWriter, *http.Request, *actor) {}
	for name, r := range map[string]route{
		"no permission":          {pattern: "GET /x", show: show},
		"changes without":        {pattern: "POST /x", change: change},
		"unknown permission":     {pattern: "GET /x", need: access.Administer + 1, show: show},
		"anyone changes":         {pattern: "POST /x", need: access.Anyone, change: change},
		"viewers change":         {pattern: "POST /x", need: access.See, change: change},
		"GET changes":            {pattern: "GET /x", need: access.Operate, change: change},
		"POST cannot be noticed": {pattern: "POST /x", need: access.Operate, show: show},
		"POST for seeing":        {pattern: "POST /x", need: access.See, show: show},
		"entering changes":       {pattern: "POST /x", need: access.Enter, change: change},
		"no handler":             {pattern: "GET /x", need: access.See},
		"two handlers":           {pattern: "POST /x", need: access.Operate, show: show, change: change},
		"no method":              {pattern: "/x", need: access.See, show: show},
		"another method":         {pattern: "DELETE /x", need: access.Operate, change: change},
		"no path":                {pattern: "GET ", need: access.See, show: show},
	} {
		if _, err := d.router([]route{r}); err == nil {
			t.Errorf("%s: %+v is served", name, r)
		}
	}
	for _, r := range []route{{pattern: "GET /x", need: access.Operate, show: show}, {pattern: "POST /x", need: access.Reveal, change: change}} {
		if _, err := d.router([]route{r}); err != nil {
			t.Error(err)
		}
	}
}

// TestReadOnly: no route that changes something is there, for nobody, and signing in and out still is.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	d := withPeople(t, client, Config{ReadOnly: true})
	posts := 0
	for _, rt := range d.routes() {
		if rt.method() != http.MethodGet {
			posts++
			if rt.change != nil || rt.need != access.Enter {
				t.Errorf("%s is there", rt.pattern)
			}
		}
	}
	if posts != 3 { // signing in and out, and preferences
		t.Errorf("%d routes with POST", posts)
	}
	admin := newPerson(t, d).enter("admin")
	admin.post("/sessions/end", "session", "x").want(t, http.StatusNotFound)
	if got := admin.get("/sessions").want(t, http.StatusOK, "admin"); strings.Contains(got.body, "sessions/end") {
		t.Error("offers what it does not do")
	}
}

// TestChangingRouteGetsAnActor: the handler knows who acts, and viewers do not get there.
func TestChangingRouteGetsAnActor(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	d := withPeople(t, client, Config{})
	var acted []string
	routes := append(d.routes(), route{pattern: "POST /try", need: access.Operate, change: func(_ http.ResponseWriter, r *http.Request, a *actor) {
		if by, ok := r.Context().Deadline(); !ok || time.Until(by) > requestTime {
			t.Error("may take for ever")
		}
		acted = append(acted, a.id.Name+" "+string(a.id.Role))
	}})
	handler, err := d.router(routes)
	if err != nil {
		t.Fatal(err)
	}
	d.handler = handler
	for _, name := range []string{"viewer", "operator", "sms-admin"} {
		newPerson(t, d).enter(name).post("/try")
	}
	newPerson(t, d).post("/try").leads(t, "/login")
	if !slices.Equal(acted, []string{"operator operator", "sms-admin admin"}) {
		t.Errorf("%q", acted)
	}
	entries, err := client.Desk().Journal(t.Context(), "", 10)
	if err != nil || len(entries) != 4 || entries[2].Action != "POST /try" || entries[2].User != "viewer" || entries[2].Result != "not allowed" {
		t.Errorf("%+v, %v", entries, err)
	}
}

// TestBodiesAreBounded: a form over the limit is refused, and not read to its end.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	d := withPeople(t, open(t, "memory://"), Config{})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/login", strings.NewReader("name="+strings.Repeat("x", maxBody)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestGetChangesNothing: after every GET, by people with and without a session, all that Redis has of the
// namespace is byte for byte what it was.
func TestGetChangesNothing(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	enqueueAndLeave(t, client.Namespace(), queue.Job{Queue: "sms", Kind: "k", ID: "one"})
	d := withPeople(t, client, Config{})
	run(t, d)
	admin, nobody := newPerson(t, d).enter("admin"), newPerson(t, d)
	all := func() map[string]string {
		rdb, dumps := redistest.Client(t), map[string]string{}
		for _, key := range rdb.Keys(t.Context(), client.Namespace()+":*").Val() {
			dumps[key] = rdb.Dump(t.Context(), key).Val()
		}
		return dumps
	}
	before := all()
	for _, rt := range d.routes() {
		if rt.method() == http.MethodGet {
			for _, p := range []*person{admin, nobody} {
				p.ask(http.MethodHead, strings.ReplaceAll(rt.path(), "{$}", ""), nil)
				if !rt.stream {
					p.get(strings.ReplaceAll(rt.path(), "{$}", ""))
				}
			}
		}
	}
	if after := all(); len(before) < 4 || !maps.Equal(before, after) {
		t.Errorf("%q, then %q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
}

// enqueueAndLeave enqueues as a program that has ended: a client that has enqueued and is still there says so in
// Redis every second.
func enqueueAndLeave(t *testing.T, namespace string, j queue.Job) {
	t.Helper()
	producer, err := queue.Config{Namespace: namespace, Logger: silent}.Open(t.Context(), redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if _, err := producer.Enqueue(t.Context(), j); err != nil {
		t.Fatal(err)
	}
}
