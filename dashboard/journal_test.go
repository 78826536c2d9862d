package dashboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// TestJournalHasWhoDidWhat: signing in and out, failing to, ending a session; in the journal and the log.
func TestJournalHasWhoDidWhat(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	var log bytes.Buffer
	d := withPeople(t, client, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	at := func(r *http.Request) { r.RemoteAddr = "192.0.2.7:5" }
	admin := newPerson(t, d, at)
	admin.post("/login", "name", "admin", "password", "hunter2hunter2")
	admin.enter("admin")
	viewer := newPerson(t, d).enter("viewer")
	page := admin.get("/sessions").want(t, http.StatusOK, "192.0.2.7", "viewer", "this one")
	_, rest, _ := strings.Cut(page.body, "viewer</th>")
	_, rest, _ = strings.Cut(rest, `name="session" value="`)
	session, _, _ := strings.Cut(rest, `"`)
	admin.post("/sessions/end", "session", session).leads(t, "/sessions")
	viewer.get("/").leads(t, "/login?next=%2F")
	admin.post("/logout").leads(t, "/login")
	entries, err := client.Desk().Journal(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, strings.Join([]string{e.User, e.Role, e.Action, e.Filter, e.Result}, "|"))
		if strings.HasPrefix(e.User, "admin") && e.IP != "192.0.2.7" {
			t.Errorf("from %s", e.IP)
		}
	}
	want := "admin|admin|sign out||\nadmin|admin|end session|user=viewer|\nviewer|viewer|sign in||\nadmin|admin|sign in||\nadmin||sign in||wrong name or password"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	for _, word := range []string{"dashboard: end session", "user=admin", "ip=192.0.2.7", `result="wrong name or password"`} {
		if !strings.Contains(log.String(), word) {
			t.Errorf("no %q in the log", word)
		}
	}
	for _, secret := range []string{"hunter2", password} {
		if strings.Contains(log.String()+fmt.Sprint(entries), secret) {
			t.Errorf("%s is written down", secret)
		}
	}
}

// actorOf is somebody in the middle of a request.
func actorOf(t *testing.T, d *Dashboard, id access.Identity) (*actor, *http.Request) {
	t.Helper()
	r := httptest.NewRequestWithContext(access.With(t.Context(), id), http.MethodPost, "/", http.NoBody)
	return &actor{sight: sight{d, id}}, r
}

func TestDeedsAreNoted(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	d := newDashboard(t, client, Config{})
	a, r := actorOf(t, d, access.Identity{Name: "op", Role: access.Operator, Queues: []string{"sms"}})
	done := 0
	deed := func(n int64, err error) func(context.Context, *queue.Client) (int64, error) {
		return func(context.Context, *queue.Client) (int64, error) { done++; return n, err }
	}
	if n, err := a.do(r, queue.JournalEntry{Action: "requeue", Queue: "sms", Filter: "state=dead", Bound: "b", Reason: "r"}, deed(7, nil)); n != 7 || err != nil {
		t.Error(n, err)
	}
	if _, err := a.do(r, queue.JournalEntry{Action: "pause", Queue: "sms"}, deed(0, fmt.Errorf("at redis://u:p@h: %w", queue.ErrUnavailable))); !errors.Is(err, queue.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := a.do(r, queue.JournalEntry{Action: "cancel", Queue: "sms"}, deed(0, errors.New("payload cAnArY"))); err == nil {
		t.Error("no error")
	}
	if _, err := a.do(r, queue.JournalEntry{Action: "pause", Queue: "mail"}, deed(1, nil)); !errors.Is(err, queue.ErrNotFound) {
		t.Error(err)
	}
	if _, err := a.do(r, queue.JournalEntry{Action: "pause"}, deed(1, nil)); !errors.Is(err, errScoped) {
		t.Error(err)
	}
	if done != 3 {
		t.Errorf("%d deeds", done)
	}
	entries, next, err := a.journal(t.Context(), "", 10)
	if err != nil || next != "" || len(entries) != 3 {
		t.Fatal(entries, next, err)
	}
	if e := entries[2]; e.User != "op" || e.Role != "operator" || e.Count != 7 || e.Filter != "state=dead" || e.Bound != "b" || e.Reason != "r" || e.Result != "" {
		t.Errorf("%+v", e)
	}
	if entries[1].Result != "redis is unavailable" || entries[0].Result != "failed; the log says why" {
		t.Errorf("%+v", entries)
	}
}

// TestRevealIsNotedOrRefused: for a reason, by who may, and never when nobody would know.
func TestRevealIsNotedOrRefused(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	client, err := queue.Config{Logger: silent, Retries: -1}.Open(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if _, err := client.Enqueue(t.Context(), queue.Job{Queue: "sms", Kind: "k", ID: "one", Payload: []byte(`{"pin":1234}`)}); err != nil {
		t.Fatal(err)
	}
	d := newDashboard(t, client, Config{})
	op, r := actorOf(t, d, access.Identity{Name: "op", Role: access.Operator, Queues: []string{"s*"}})
	viewer, _ := actorOf(t, d, access.Identity{Name: "v", Role: access.Viewer})
	other, _ := actorOf(t, d, access.Identity{Name: "o", Role: access.Admin, Queues: []string{"mail"}})
	if _, err := viewer.reveal(r, "mail", "two", "why not"); !errors.Is(err, access.ErrStranger) {
		t.Error(err)
	}
	if _, err := other.reveal(r, "sms", "one", "why not"); !errors.Is(err, queue.ErrNotFound) {
		t.Error(err)
	}
	if _, err := op.reveal(r, "sms", "one", ""); !errors.Is(err, errNoReason) {
		t.Error(err)
	}
	info, err := op.reveal(r, "sms", "one", "ticket 7")
	if err != nil || string(info.Payload) != `{"pin":1234}` {
		t.Errorf("%s, %v", info.Payload, err)
	}
	entries, _, err := op.journal(t.Context(), "", 10)
	if err != nil || len(entries) != 1 || entries[0].Action != "reveal" || entries[0].Filter != "id=one" || entries[0].Reason != "ticket 7" {
		t.Errorf("%+v, %v", entries, err)
	}
	if err := server.Client().ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if info, err := op.reveal(r, "sms", "one", "ticket 8"); !errors.Is(err, queue.ErrRedisFull) || len(info.Payload) > 0 {
		t.Errorf("revealed what nobody will know of: %v", err)
	}
}

// TestJournalOfSome: whoever sees some queues reads what was done to those, in pages, and only admins
// read what was done to none.
func TestJournalOfSome(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	d := newDashboard(t, client, Config{})
	for i := range 500 {
		name := []string{"", "sms", "mail", "mail", "mail"}[i%5]
		if err := client.Desk().Note(t.Context(), queue.JournalEntry{Action: fmt.Sprint(i), Queue: name}); err != nil {
			t.Fatal(err)
		}
	}
	for want, id := range map[int]access.Identity{
		500: {Role: access.Admin}, 400: {Role: access.Operator}, 100: {Role: access.Operator, Queues: []string{"sms"}}, 200: {Role: access.Admin, Queues: []string{"sms"}},
	} {
		seen, cursor := map[string]bool{}, ""
		for {
			entries, next, err := (sight{d, id}).journal(t.Context(), cursor, 30)
			if err != nil || len(entries) > 30 {
				t.Fatal(len(entries), err)
			}
			for _, e := range entries {
				if seen[e.Action] || (e.Queue != "" && !id.Sees(e.Queue)) {
					t.Fatalf("%+v", e)
				}
				seen[e.Action] = true
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%+v reads %d entries, want %d", id, len(seen), want)
		}
	}
}

// TestFailuresCannotPushOutDeeds: a flood of refused logins leaves few entries, each saying for how many.
func TestFailuresCannotPushOutDeeds(t *testing.T) {
	t.Parallel()
	var f failures
	now := time.Now()
	entries, stood := 0, int64(0)
	const flood = 10_000 // in an hour
	for i := range flood {
		if n, ok := f.take(now.Add(time.Duration(i) * time.Hour / flood)); ok {
			entries++
			stood += n
		}
	}
	if entries > failureBurst+61 || entries < failureBurst || stood+f.missed != flood {
		t.Errorf("%d entries for %d and %d", entries, stood, f.missed)
	}
}
