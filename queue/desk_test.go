package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestSessions(t *testing.T) {
	onEach(t, testSessions)
}

func testSessions(t *testing.T, h *harness) {
	desk := h.c.Desk()
	for _, id := range []string{"a", "b"} {
		h.ok(desk.StartSession(h.ctx, id, []byte("of "+id), time.Hour))
	}
	s, err := desk.Session(h.ctx, "a")
	if h.ok(err); s.ID != "a" || string(s.Value) != "of a" || s.Left <= 59*time.Minute || s.Left > time.Hour {
		t.Errorf("%+v", s)
	}
	h.ok(desk.RenewSession(h.ctx, "b", 2*time.Hour))
	all, err := desk.Sessions(h.ctx)
	if h.ok(err); len(all) != 2 || all[0].ID != "b" || all[0].Left <= time.Hour || all[1].ID != "a" {
		t.Errorf("%+v", all)
	}
	h.ok(desk.EndSession(h.ctx, "b"))
	_, reading := desk.Session(h.ctx, "b")
	for what, err := range map[string]error{
		"read": reading, "end": desk.EndSession(h.ctx, "b"), "renew": desk.RenewSession(h.ctx, "b", time.Hour),
	} {
		if !errors.Is(err, queue.ErrNoSession) {
			t.Errorf("%s one that has ended: %v", what, err)
		}
	}
	if all, err = desk.Sessions(h.ctx); err != nil || len(all) != 1 || all[0].ID != "a" {
		t.Errorf("%+v, %v", all, err)
	}
	if infos, err := h.in.Queues(h.ctx); err != nil || len(infos) != 0 {
		t.Errorf("sessions are taken for queues: %v, %v", infos, err)
	}
}

func TestSessionEndsByItself(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.URL(t), queue.Config{})
	desk := h.c.Desk()
	h.ok(desk.StartSession(h.ctx, "a", nil, time.Millisecond))
	redistest.Eventually(t, time.Minute, func() bool {
		_, err := desk.Session(h.ctx, "a")
		return errors.Is(err, queue.ErrNoSession)
	})
	all, err := desk.Sessions(h.ctx)
	if h.ok(err); len(all) != 0 {
		t.Errorf("lists %+v", all)
	}
	h.ok(desk.StartSession(h.ctx, "b", nil, time.Hour))
	if left := h.rdb.ZRange(h.ctx, h.c.Namespace()+":desk:sessions", 0, -1).Val(); !slices.Equal(left, []string{"b"}) {
		t.Errorf("the list keeps %v", left)
	}
}

func TestDeskRefuses(t *testing.T) {
	t.Parallel()
	h := open(t, "memory://", queue.Config{})
	desk := h.c.Desk()
	_, reading := desk.Session(h.ctx, "a b")
	_, before := desk.Journal(h.ctx, "1-1 + COUNT", 1)
	_, none := desk.Journal(h.ctx, "", 0)
	_, many := desk.Journal(h.ctx, "", 501)
	for i, err := range []error{
		reading, before, none, many,
		desk.StartSession(h.ctx, "", nil, time.Hour), desk.StartSession(h.ctx, "a:b", nil, time.Hour),
		desk.StartSession(h.ctx, "a", make([]byte, queue.MaxSessionBytes+1), time.Hour), desk.StartSession(h.ctx, "a", nil, 0),
		desk.EndSession(h.ctx, "*"), desk.RenewSession(h.ctx, "\n", time.Hour),
	} {
		if !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestJournal(t *testing.T) {
	onEach(t, testJournal)
}

func testJournal(t *testing.T, h *harness) {
	desk := h.c.Desk()
	want := queue.JournalEntry{
		User: "alice", Role: "operator", IP: "192.0.2.7", Action: "requeue", Queue: sms, Filter: "state=dead",
		Bound: "2026-11-25T14:00:00Z", Count: 3118, Reason: "the provider is back", Result: "17 had moved on",
	}
	h.ok(desk.Note(h.ctx, want))
	long := queue.JournalEntry{Action: strings.Repeat("é", 400), Reason: "a\xff\xfeb"}
	h.ok(desk.Note(h.ctx, long))
	for i := range 5 {
		h.ok(desk.Note(h.ctx, queue.JournalEntry{Action: fmt.Sprint(i)}))
	}
	var all []queue.JournalEntry
	for before := ""; ; before = all[len(all)-1].ID {
		page, err := desk.Journal(h.ctx, before, 3)
		if h.ok(err); len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	if len(all) != 7 || all[0].Action != "4" || all[4].Action != "0" {
		t.Fatalf("%+v", all)
	}
	if got := all[5]; len(got.Action) > 500 || !strings.HasPrefix(got.Action, "éé") || strings.Contains(got.Action, "\ufffd") || got.Reason != "ab" {
		t.Errorf("%+v", got)
	}
	got := all[6]
	if age := time.Since(got.Time); age < -time.Minute || age > time.Hour || got.ID == "" {
		t.Errorf("written %v", got.Time)
	}
	if got.ID, got.Time = "", (time.Time{}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The journal forgets its oldest, and an entry that somebody else wrote is shown as one that cannot be read.
func TestJournalIsCapped(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.URL(t), queue.Config{})
	desk, key := h.c.Desk(), h.c.Namespace()+":desk:journal"
	pipe := h.rdb.Pipeline()
	for range queue.JournalEntries + 500 {
		pipe.Do(h.ctx, "XADD", key, "*", "entry", "not JSON")
	}
	_, err := pipe.Exec(h.ctx)
	h.ok(err)
	h.ok(desk.Note(h.ctx, queue.JournalEntry{Action: "look"}))
	if n := h.rdb.XLen(h.ctx, key).Val(); n < queue.JournalEntries || n > queue.JournalEntries+200 {
		t.Errorf("%d entries", n)
	}
	page, err := desk.Journal(h.ctx, "", 2)
	if h.ok(err); page[0].Action != "look" || page[1].Result != "this entry cannot be read" {
		t.Errorf("%+v", page)
	}
}

// A full Redis keeps the sessions that are there, and takes no new one.
func TestSessionsInAFullRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	h := open(t, server.URL(), queue.Config{})
	desk := h.c.Desk()
	h.ok(desk.StartSession(h.ctx, "a", nil, time.Hour))
	h.ok(server.Client().ConfigSet(h.ctx, "maxmemory", "1").Err())
	h.ok(desk.RenewSession(h.ctx, "a", 2*time.Hour))
	if s, err := desk.Session(h.ctx, "a"); err != nil || s.Left <= time.Hour {
		t.Errorf("%+v, %v", s, err)
	}
	for _, err := range []error{
		desk.StartSession(h.ctx, "b", nil, time.Hour), desk.Note(h.ctx, queue.JournalEntry{}),
	} {
		if !errors.Is(err, queue.ErrRedisFull) {
			t.Errorf("%v", err)
		}
	}
	h.ok(desk.EndSession(h.ctx, "a"))
}

func TestDeskOnACluster(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.StartCluster(t).URL(), queue.Config{})
	testSessions(t, h)
	testJournal(t, h)
}

// TestProgress: what one process notes another reads, and can ask it to stop.
func TestProgress(t *testing.T) {
	onEach(t, func(t *testing.T, h *harness) {
		here, there := h.c.Desk(), h.c.Desk()
		if _, err := there.Progress(h.ctx, "op"); !errors.Is(err, queue.ErrNotFound) {
			t.Error(err)
		}
		stop, err := here.SetProgress(h.ctx, "op", []byte("1 of 2"), time.Hour)
		if h.ok(err); stop {
			t.Error("nobody has asked for it to stop")
		}
		value, err := there.Progress(h.ctx, "op")
		if h.ok(err); string(value) != "1 of 2" {
			t.Errorf("%q", value)
		}
		h.ok(there.AskStop(h.ctx, "op", time.Hour))
		if stop, err = here.SetProgress(h.ctx, "op", nil, time.Hour); err != nil || !stop {
			t.Errorf("%v, %v", stop, err)
		}
		if stop, err = here.SetProgress(h.ctx, "other", nil, time.Hour); err != nil || stop {
			t.Errorf("another one: %v, %v", stop, err)
		}
		_, long := here.SetProgress(h.ctx, "op", make([]byte, queue.MaxProgressBytes+1), time.Hour)
		_, brief := here.SetProgress(h.ctx, "op", nil, 0)
		_, reading := here.Progress(h.ctx, "a:b")
		for what, err := range map[string]error{"too long": long, "no time": brief, "id": reading, "id to stop": here.AskStop(h.ctx, "", time.Hour)} {
			if !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
