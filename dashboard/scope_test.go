package dashboard

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/dashboard/redact"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// TestOthersQueuesAreNotThere: who sees some queues finds nothing of the others, neither a name nor a
// number, on any route.
func TestOthersQueuesAreNotThere(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	for name, n := range map[string]int{"sms": 3, "sms-eu": 4, "payroll": 20_011} {
		jobs := slices.Repeat([]queue.Job{{Queue: name, Kind: "k"}}, n)
		if _, err := client.EnqueueMany(t.Context(), jobs); err != nil {
			t.Fatal(err)
		}
	}
	d := withPeople(t, client, Config{})
	run(t, d)
	all, some := newPerson(t, d).enter("admin"), newPerson(t, d).enter("sms-admin")
	// Numbers that nothing else on a page comes to by chance, such as what the server says of itself.
	hidden := regexp.MustCompile(`payroll|\b20,?01[18]\b`)
	for _, rt := range d.routes() {
		if rt.method() != http.MethodGet || rt.need == access.Anyone || rt.stream {
			continue
		}
		path := strings.ReplaceAll(rt.path(), "{$}", "")
		if got := some.get(path); hidden.MatchString(got.body) {
			t.Errorf("%s: %s in %s", path, hidden.FindString(got.body), got.body)
		}
	}
	stream := streamed(t, d, some)
	if strings.Contains(stream, "payroll") || !strings.Contains(stream, "sms-eu") {
		t.Errorf("a stream has %s", stream)
	}
	for _, path := range []string{"/", "/queues", "/api/v1/queues", "/metrics"} {
		if got := all.get(path); len(slices.Compact(hidden.FindAllString(got.body, -1))) < 2 {
			t.Errorf("%s hides from its admin: %s", path, got.body)
		}
	}
	for path, words := range map[string][2]string{
		"/":              {"in 3 of 3 queues", "in 2 of 2 queues"},
		"/api/v1/queues": {`"name":"payroll"`, `"name":"sms-eu"`},
		"/metrics":       {"dueq_queues 3", "dueq_queues 2"},
	} {
		all.get(path).want(t, http.StatusOK, words[0])
		some.get(path).want(t, http.StatusOK, words[1])
	}
	if _, err := (sight{d, access.Identity{Queues: []string{"sms"}}}).queue(t.Context(), "payroll"); !errors.Is(err, queue.ErrNotFound) {
		t.Error(err)
	}
}

// streamed is the first that a stream sends.
func streamed(t *testing.T, d *Dashboard, p *person) string {
	t.Helper()
	url := serve(t, d)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/events/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.cookies {
		r.AddCookie(c)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	l := &listener{t: t, body: bufio.NewReader(res.Body), res: res}
	return l.until("<")
}

// TestScopedFrames: those who see the same share a frame, and what is rendered of it.
func TestScopedFrames(t *testing.T) {
	t.Parallel()
	f := busyFrame()
	a, b := f.of(access.Identity{Queues: []string{"sms", "call*"}}), f.of(access.Identity{Name: "b", Queues: []string{"call*", "sms", "sms"}})
	if a != b || len(a.queues) != 2 || a.made != f.made || a.replaced != f.replaced || f.of(access.Identity{}) != f {
		t.Errorf("%+v", a.queues)
	}
	if c := f.of(access.Identity{Queues: []string{"none"}}); len(c.queues) != 0 || len(f.queues) != 3 {
		t.Errorf("%+v", c.queues)
	}
}

// TestSightHides: jobs reach pages with their secrets hidden, and only those of queues in sight.
func TestSightHides(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	const canary = "cAnArY"
	job := queue.Job{
		Queue: "sms", Kind: "k", ID: "one", Payload: []byte(`{"password":"` + canary + `"}`), Tags: []string{canary + "@example.com"},
		Headers: map[string]string{"Authorization": canary, "x-konto": canary}, Unique: queue.Unique{Key: "https://" + canary + "@h"},
	}
	if _, err := client.Enqueue(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	leased, _, err := client.Broker().Lease(t.Context(), "sms", 1, queue.DefaultLease)
	if err != nil || len(leased) != 1 {
		t.Fatal(err)
	}
	if err := client.Broker().Bury(t.Context(), leased[0], queue.ReasonRejected, errors.New("token="+canary)); err != nil {
		t.Fatal(err)
	}
	d := newDashboard(t, client, Config{Redact: redact.Config{Keys: []string{"konto"}}})
	mine, others := sight{d, access.Identity{Queues: []string{"sms"}}}, sight{d, access.Identity{Queues: []string{"mail"}}}
	one, err := mine.job(t.Context(), "sms", "one")
	if err != nil {
		t.Fatal(err)
	}
	page, err := mine.jobs(t.Context(), "sms", queue.Query{State: queue.Dead})
	if err != nil || len(page.Jobs) != 1 {
		t.Fatal(page, err)
	}
	for _, j := range append(page.Jobs, one) {
		if text := strings.Join([]string{string(j.Payload), j.Tags[0], j.Headers["Authorization"], j.Headers["x-konto"], j.Unique.Key, j.Errors[0].Error}, "\n"); strings.Contains(text, canary) || j.ID != "one" || j.Kind != "k" {
			t.Errorf("%s", text)
		}
	}
	_, jobErr := others.job(t.Context(), "sms", "one")
	_, jobsErr := others.jobs(t.Context(), "sms", queue.Query{})
	if !errors.Is(jobErr, queue.ErrNotFound) || !errors.Is(jobsErr, queue.ErrNotFound) {
		t.Errorf("%v, %v", jobErr, jobsErr)
	}
}

// TestStreamEndsWithItsSession: nobody watches on who was signed out, and whoever sees less now starts
// anew.
func TestStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	d := withPeople(t, client, Config{})
	d.recheck = 10 * time.Millisecond
	url := live(t, d)
	p := newPerson(t, d).enter("viewer")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // else it is watched for ever
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.cookies {
		r.AddCookie(c)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 100)); err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.Status, err)
	}
	p.post("/logout").leads(t, "/login")
	if _, err := io.Copy(io.Discard, res.Body); err != nil { // to its end
		t.Error(err)
	}
}

// TestProgramsSignInWithEachRequest: Prometheus and scripts cannot fill in a form.
func TestProgramsSignInWithEachRequest(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	d := withPeople(t, client, Config{})
	run(t, d)
	as := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	for _, path := range []string{"/metrics", "/api/v1/queues"} {
		for name, want := range map[string]int{"viewer": http.StatusOK, "nobody": http.StatusUnauthorized} {
			if got := request(t, d, http.MethodGet, path, as(name, password)); got.status != want {
				t.Errorf("%s as %s: %d", path, name, got.status)
			}
		}
		if got := request(t, d, http.MethodGet, path, as("viewer", "wrong")); got.status != http.StatusUnauthorized || strings.Contains(got.body, "dueq_") {
			t.Errorf("%s with a wrong password: %d", path, got.status)
		}
	}
	if got := request(t, d, http.MethodGet, "/", as("viewer", password)); got.status != http.StatusUnauthorized {
		t.Errorf("a page: %d", got.status)
	}
	for range 20 { // then it is throttled, and says for how long
		if got := request(t, d, http.MethodGet, "/metrics", as("viewer", "wrong")); got.status == http.StatusTooManyRequests {
			if got.header.Get("Retry-After") == "" {
				t.Error("not for how long")
			}
			return
		}
	}
	t.Error("never throttled")
}

// TestLimiter: no more at once than the limit, for each by himself, and nothing is kept of who has left.
func TestLimiter(t *testing.T) {
	t.Parallel()
	l := newLimiter(2)
	ended, end := context.WithCancel(t.Context())
	end()
	var leave []func()
	for _, key := range []string{"a", "a", "b", "", "", ""} {
		done, ok := l.enter(ended, key)
		if !ok {
			t.Fatalf("%q does not get in", key)
		}
		leave = append(leave, done)
	}
	if _, ok := l.enter(ended, "a"); ok {
		t.Error("a third gets in")
	}
	waits := make(chan func())
	go func() {
		done, _ := l.enter(t.Context(), "a")
		waits <- done
	}()
	leave[0]()
	leave[0] = <-waits
	for _, done := range leave {
		done()
	}
	if len(l.places) != 0 {
		t.Errorf("keeps %v", l.places)
	}
}

// TestOneSessionCannotTakeAll: its requests beyond the limit are refused, and another's are not.
func TestOneSessionCannotTakeAll(t *testing.T) {
	t.Parallel()
	d := withPeople(t, open(t, "memory://"), Config{})
	run(t, d)
	greedy, other := newPerson(t, d).enter("viewer"), newPerson(t, d).enter("operator")
	key := ""
	sessions, err := d.gate.Sessions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		if s.Name == "viewer" {
			key = s.ID
		}
	}
	for range requestsAtOnce {
		leave, ok := d.requests.enter(t.Context(), key)
		if !ok {
			t.Fatal("no place")
		}
		defer leave()
	}
	other.get("/").want(t, http.StatusOK)
	w := httptest.NewRecorder()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/", http.NoBody)
	for _, c := range greedy.cookies {
		r.AddCookie(c)
	}
	if d.ServeHTTP(w, r); w.Code != http.StatusTooManyRequests {
		t.Errorf("%d", w.Code)
	}
}
