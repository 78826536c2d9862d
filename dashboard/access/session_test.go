package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// start signs somebody in and returns a request of their browser.
func start(t *testing.T, g *Gate, id Identity) *http.Request {
	t.Helper()
	w := httptest.NewRecorder()
	r := from(t, "192.0.2.1:5")
	if err := g.Start(w, r, id); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	return r
}

func gateOf(t *testing.T) *Gate {
	t.Helper()
	return newGate(t, Config{Users: []User{{Name: "alice", Role: Operator}}})
}

// age rewrites a session as if it had begun that long ago, and leaves it so long.
func age(t *testing.T, g *Gate, session string, began, left time.Duration) {
	t.Helper()
	s, err := g.desk.Session(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	var k ticket
	if err := json.Unmarshal(s.Value, &k); err != nil {
		t.Fatal(err)
	}
	k.Since = time.Now().Add(-began)
	value, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.desk.StartSession(t.Context(), session, value, left); err != nil {
		t.Fatal(err)
	}
}

func TestSessionIsRenewedAndEnds(t *testing.T) {
	t.Parallel()
	g := gateOf(t)
	r := start(t, g, g.users["alice"].identity())
	id, err := g.Identify(r)
	if err != nil || id.Name != "alice" || id.Role != Operator || id.Session == "" {
		t.Fatalf("%+v, %v", id, err)
	}
	for _, c := range []struct {
		began, left, want time.Duration
	}{
		{time.Hour, sessionIdle - renewEvery/2, sessionIdle - renewEvery/2}, // used a moment ago
		{time.Hour, time.Minute, sessionIdle},
		{sessionTime - time.Hour/2, time.Minute, time.Hour / 2}, // never past its end
	} {
		age(t, g, id.Session, c.began, c.left)
		if _, err := g.Identify(r); err != nil {
			t.Fatal(err)
		}
		s, err := g.desk.Session(t.Context(), id.Session)
		if err != nil || s.Left > c.want || s.Left < c.want-20*time.Second {
			t.Errorf("%v after it began, with %v left: %v left, %v", c.began, c.left, s.Left, err)
		}
	}
	age(t, g, id.Session, sessionTime+time.Second, time.Hour)
	if _, err := g.Identify(r); !errors.Is(err, ErrNobody) {
		t.Errorf("past its end: %v", err)
	}
}

func TestRecheck(t *testing.T) {
	t.Parallel()
	g := gateOf(t)
	r := start(t, g, g.users["alice"].identity())
	id, err := g.Identify(r)
	if err != nil {
		t.Fatal(err)
	}
	r = r.WithContext(With(r.Context(), id))
	if err := g.Recheck(r); err != nil {
		t.Error(err)
	}
	g.users["alice"].Queues = []string{"sms"}
	if err := g.Recheck(r); !errors.Is(err, ErrNobody) {
		t.Errorf("sees less now: %v", err)
	}
	g.users["alice"].Queues = nil
	if err := g.Revoke(t.Context(), id.Session); err != nil {
		t.Error(err)
	}
	if err := g.Recheck(r); !errors.Is(err, ErrNobody) {
		t.Errorf("signed out: %v", err)
	}
	if err := g.Recheck(from(t, "192.0.2.1:5")); err != nil {
		t.Errorf("nobody had signed in: %v", err)
	}
}

// TestForeignSession: who was signed in elsewhere keeps the role that was said there, and has nothing of
// a user of the same name here.
func TestForeignSession(t *testing.T) {
	t.Parallel()
	g := gateOf(t)
	id, err := Foreign(Identity{Name: "alice", Role: Viewer, Queues: []string{"mail"}, Session: "forged", local: true})
	if err != nil || id.local || id.Session != "" {
		t.Fatalf("%+v, %v", id, err)
	}
	if id, err = g.Identify(start(t, g, id)); err != nil || id.Role != Viewer || id.Scope() != "mail" {
		t.Errorf("%+v, %v", id, err)
	}
	for _, bad := range []Identity{{Name: "x"}, {Role: Viewer}, {Name: "x y", Role: Viewer}, {Name: "x", Role: "king"}, {Name: "x", Role: Viewer, Queues: []string{"["}}} {
		if _, err := Foreign(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestForgedSession: what somebody else wrote where sessions are makes nobody of anyone.
func TestForgedSession(t *testing.T) {
	t.Parallel()
	g := gateOf(t)
	r := start(t, g, g.users["alice"].identity())
	id, err := g.Identify(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"", "null", "{}", "[]", `{"name":"x","role":"king"}`, `{"name":"ghost","local":true,"role":"admin"}`, "\xff"} {
		if err := g.desk.StartSession(t.Context(), id.Session, []byte(value), time.Hour); err != nil {
			t.Fatal(err)
		}
		if id, err := g.Identify(r); !errors.Is(err, ErrNobody) {
			t.Errorf("%q: %+v, %v", value, id, err)
		}
	}
}

func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	c := recent{all: map[string]remembered{}}
	now := time.Now()
	for i := range 3 * recentSessions {
		c.keep(Identity{Session: fmt.Sprint(i)}, now, time.Hour)
	}
	if len(c.all) != recentSessions {
		t.Errorf("%d sessions", len(c.all))
	}
	c.keep(Identity{Session: "a"}, now, time.Hour)
	c.keep(Identity{Session: "b"}, now, time.Minute)
	for session, want := range map[string]time.Duration{"a": recentTime, "b": time.Minute} {
		_, before := c.find(session, now.Add(want-time.Second))
		if _, after := c.find(session, now.Add(want+time.Second)); !before || after {
			t.Errorf("%s: %v before %v, %v after", session, before, want, after)
		}
	}
	if c.forget("a"); len(c.all) != recentSessions-1 {
		t.Errorf("%d sessions", len(c.all))
	}
}

func TestRevokeOfNothing(t *testing.T) {
	t.Parallel()
	g := gateOf(t)
	if err := g.Revoke(t.Context(), "none"); err != nil {
		t.Error(err)
	}
	if err := g.Revoke(t.Context(), "not\na session"); !errors.Is(err, queue.ErrInvalid) {
		t.Error(err)
	}
}
