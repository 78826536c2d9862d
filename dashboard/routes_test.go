package dashboard

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// paths of every route that answers GET to those who have not signed in, as a browser asks for them.
func paths(d *Dashboard) []string {
	// queries is what pages need that are of one thing.
	queries := map[string]string{
		"/job": "?queue=sms&id=" + sampleJob, "/queue": "?name=sms", "/operation": "?id=" + sampleOperation, "/charts.csv": "?queue=sms", "/api/v1/series": "?queue=sms",
		"/api/v1/job": "?id=" + sampleJob,
	}
	var out []string
	for _, r := range d.routes() {
		switch {
		case r.method() != http.MethodGet, !d.cfg.Access.Anonymous.May(r.need):
		case r.path() == "/static/{name}":
			for _, name := range d.static.names {
				out = append(out, d.cfg.BasePath+"/static/"+name)
			}
		default:
			out = append(out, d.cfg.BasePath+strings.TrimSuffix(r.path(), "{$}")+queries[strings.TrimPrefix(r.path(), "/events")])
		}
	}
	return out
}

// sampleJob and sampleOperation are the IDs of what putSample puts there.
const sampleJob, sampleOperation = "job-1", "op-1"

// putSample puts there what every page has something to show of.
func putSample(t *testing.T, client *queue.Client) {
	t.Helper()
	for _, j := range []queue.Job{{Queue: "sms", Kind: "sms.send", ID: sampleJob, Delay: time.Hour}, {Queue: "callbacks", Kind: "cb", Delay: time.Hour}} {
		if _, err := client.Enqueue(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	value, err := json.Marshal(progress{ID: sampleOperation, Act: actRun, Queue: "sms", Filter: "state=delayed", Want: 3, Done: 1})
	if err == nil {
		_, err = client.Desk().SetProgress(t.Context(), sampleOperation, value, time.Hour)
	}
	if err == nil {
		err = client.Desk().Note(t.Context(), queue.JournalEntry{Action: "pause", Queue: "sms", User: "anna"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sampledNow is a dashboard of two queues whose collector runs, and which everybody may do everything in.
func sampledNow(t *testing.T, cfg Config) *Dashboard {
	t.Helper()
	client := open(t, "memory://")
	putSample(t, client)
	if !cfg.Access.Login() {
		cfg.Access.Anonymous = access.Admin
	}
	d := newDashboard(t, client, cfg)
	run(t, d)
	return d
}

// TestEveryRouteIsSecured uses HEAD, which has the headers of GET and also ends on a stream.
func TestEveryRouteIsSecured(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/ops/dueq"} {
		d := sampledNow(t, Config{BasePath: base})
		for _, path := range append(paths(d), "/nowhere", base+"/static/live.js", base+"/events/secret") {
			got := request(t, d, http.MethodHead, path)
			for header, want := range map[string]string{
				"Content-Security-Policy":      contentSecurity,
				"X-Content-Type-Options":       "nosniff",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got.header.Get(header) != want {
					t.Errorf("%s: %s is %q", path, header, got.header.Get(header))
				}
			}
			for header := range got.header {
				if strings.HasPrefix(header, "Access-Control-") || header == "Set-Cookie" {
					t.Errorf("%s sends %s", path, header)
				}
			}
			kept := strings.Contains(path, "/static/") && got.status == http.StatusOK
			if cache := got.header.Get("Cache-Control"); kept != strings.Contains(cache, "immutable") || kept == (cache == "no-store") {
				t.Errorf("%s: Cache-Control %q", path, cache)
			}
		}
	}
}

func TestOnlyGetAndHead(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{})
	posts := map[string]bool{}
	for _, r := range d.routes() {
		posts[r.path()] = posts[r.path()] || r.method() == http.MethodPost
	}
	for _, path := range paths(d) {
		if got := request(t, d, http.MethodHead, path); got.status != http.StatusOK {
			t.Errorf("HEAD %s: %d %s", path, got.status, got.body)
		}
		methods, allow := []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, "GET, HEAD"
		if posts[path] {
			allow = "GET, HEAD, POST"
		} else {
			methods = append(methods, http.MethodPost)
		}
		for _, method := range methods {
			got := request(t, d, method, path)
			if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q", method, path, got.status, got.header.Get("Allow"))
			}
		}
		got := request(t, d, http.MethodPost, path, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
		if got.status != http.StatusForbidden {
			t.Errorf("POST %s from another site: %d", path, got.status)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{Hosts: []string{"Dueq.Example"}})
	open := sampledNow(t, Config{Hosts: []string{"*"}})
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:7373": true, "localhost.": true, "dueq.localhost:80": true, "127.0.0.1": true, "127.9.9.9:1": true,
		"[::1]:7373": true, "[::ffff:127.0.0.1]": true, "dueq.example": true, "DUEQ.example:443": true, "dueq.example.": true,
		"evil.example": false, "dueq.example.evil.example": false, "localhost.evil.example": false, "xlocalhost": false,
		"127.0.0.1.evil.example": false, "10.0.0.1": false, "[fd00::1]": false, "[::1": true, "": false, ":80": false,
	} {
		named := func(r *http.Request) { r.Host = host }
		for _, path := range paths(d) {
			got := request(t, d, http.MethodHead, path, named)
			wanted := http.StatusForbidden
			if want || path == "/healthz" || path == "/readyz" {
				wanted = http.StatusOK
			}
			if got.status != wanted {
				t.Errorf("%s as %q: %d, want %d", path, host, got.status, wanted)
			}
		}
		if got := request(t, open, http.MethodHead, "/", named); got.status != http.StatusOK {
			t.Errorf("any host, as %q: %d", host, got.status)
		}
	}
}

func TestBasePath(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{BasePath: "/ops/dueq"})
	if got := request(t, d, http.MethodGet, "/ops/dueq"); got.status != http.StatusMovedPermanently || got.header.Get("Location") != "/ops/dueq/" {
		t.Errorf("%d to %q", got.status, got.header.Get("Location"))
	}
	for _, path := range []string{"/", "/healthz", "/ops", "/ops/dueq/nowhere", "/ops/dueq/static/", "/ops/dueq/static/..%2fpages.go"} {
		if got := request(t, d, http.MethodGet, path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	page := request(t, d, http.MethodGet, "/ops/dueq/").body
	links := regexp.MustCompile(`(?:href|src|data-events)="([^"#]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 6 {
		t.Fatalf("links %q", links)
	}
	for _, m := range links {
		if got := request(t, d, http.MethodHead, html.UnescapeString(m[1])); !strings.HasPrefix(m[1], "/ops/dueq/") || got.status != http.StatusOK {
			t.Errorf("link %q: %d", m[1], got.status)
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{})
	got := request(t, d, http.MethodGet, "/")
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %q", got.status, got.header.Get("Content-Type"))
	}
	for _, want := range []string{"<noscript><meta http-equiv=\"refresh\"", "callbacks", `lang="en"`, `role="status"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Count(got.body, `role="status"`) != 1 || strings.Contains(got.body, "aria-live") {
		t.Error("more than the verdict is announced")
	}
	for _, banned := range []string{"style=", " onclick", "javascript:", "http://", "https://"} {
		if strings.Contains(got.body, banned) {
			t.Errorf("%q would break the Content-Security-Policy, or leave this server", banned)
		}
	}
}

func TestPageWithoutRun(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, open(t, "memory://"), Config{})
	if got := request(t, d, http.MethodGet, "/"); got.status != http.StatusOK || !strings.Contains(got.body, "collector does not run") {
		t.Errorf("page: %d", got.status)
	}
	got := request(t, d, http.MethodGet, "/api/v1/queues")
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, `"level":"down"`) || strings.Contains(got.body, "sampled_at") {
		t.Errorf("json: %d %s", got.status, got.body)
	}
	if got := request(t, d, http.MethodGet, "/events/"); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "5" {
		t.Errorf("events: %d", got.status)
	}
	if got := request(t, d, http.MethodGet, "/healthz"); got.status != http.StatusServiceUnavailable || got.body != `{"status":"stopped","sample_age_ms":null,"missed":0}`+"\n" {
		t.Errorf("healthz: %d %s", got.status, got.body)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	d, f := fake(t, Config{}, nil), frameOf()
	f.at, f.missed = time.Now().Add(-time.Minute), 60
	d.collector.latest.Store(f)
	got := request(t, d, http.MethodGet, "/healthz")
	var h health
	if err := json.Unmarshal([]byte(got.body), &h); err != nil {
		t.Fatal(err)
	}
	if got.status != http.StatusOK || h.Status != "ok" || h.Missed != 60 || *h.SampleAgeMS < 60_000 || *h.SampleAgeMS > 90_000 {
		t.Errorf("a dashboard whose Redis is away is alive: %d %s", got.status, got.body)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{})
	for want, change := range map[string]func(f *frame){
		"ok": func(*frame) {}, "stopped": func(f *frame) { f.running = false }, "starting": func(f *frame) { f.at = time.Time{} },
		"redis is away": func(f *frame) { f.err, f.missed = queue.ErrUnavailable, 1 },
	} {
		f := busyFrame()
		f.at, f.made = time.Now(), time.Now()
		change(f)
		d.collector.latest.Store(f)
		status := http.StatusServiceUnavailable
		if want == "ok" {
			status = http.StatusOK
		}
		if got := request(t, d, http.MethodGet, "/readyz"); got.status != status || !strings.Contains(got.body, `"status":"`+want+`"`) {
			t.Errorf("%s: %d %s", want, got.status, got.body)
		}
	}
}

// TestReadyFollowsRedis: /readyz, open to everyone, says that Redis is away, and /healthz that a restart
// would not help.
func TestReadyFollowsRedis(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	client, err := queue.Config{Logger: silent, Retries: -1}.Open(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	d := withPeople(t, client, Config{Interval: minInterval, IdleInterval: minInterval})
	run(t, d)
	becomes := func(status int) {
		t.Helper()
		redistest.Eventually(t, time.Minute, func() bool { return request(t, d, http.MethodGet, "/readyz").status == status })
		if got := request(t, d, http.MethodGet, "/healthz"); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	becomes(http.StatusOK)
	server.Kill()
	becomes(http.StatusServiceUnavailable)
	server.Restart()
	becomes(http.StatusOK)
}

func TestTemplateErrorIsNoHalfPage(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{})
	d.pages["overview"].live = func(*view) any { return struct{}{} }
	if got := request(t, d, http.MethodGet, "/"); got.status != http.StatusInternalServerError || strings.Contains(got.body, "<") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
