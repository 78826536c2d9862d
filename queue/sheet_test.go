package queue_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestSheets(t *testing.T) {
	onEach(t, testSheets)
}

func testSheets(t *testing.T, h *harness) {
	desk := h.c.Desk()
	s, err := desk.Sheet(h.ctx, "alarms")
	if h.ok(err); s.Value != nil || s.Now.IsZero() {
		t.Errorf("before anyone wrote: %+v", s)
	}
	h.ok(desk.RewriteSheet(h.ctx, "alarms", nil, []byte("one")))
	for _, before := range [][]byte{nil, []byte("two")} {
		if err := desk.RewriteSheet(h.ctx, "alarms", before, []byte("three")); !errors.Is(err, queue.ErrChanged) {
			t.Errorf("rewritten from %q: %v", before, err)
		}
	}
	h.ok(desk.RewriteSheet(h.ctx, "alarms", []byte("one"), []byte("two")))
	if s, err = desk.Sheet(h.ctx, "alarms"); err != nil || string(s.Value) != "two" {
		t.Errorf("%q, %v", s.Value, err)
	}
	if infos, err := h.in.Queues(h.ctx); err != nil || len(infos) != 0 {
		t.Errorf("a sheet is taken for a queue: %v, %v", infos, err)
	}
}

// Of many who add to a sheet at once, nobody undoes what another has added.
func TestSheetLosesNoRewrite(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.URL(t), queue.Config{})
	desk := h.c.Desk()
	const writers, each = 8, 20
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for done := 0; done < each; {
				s, err := desk.Sheet(h.ctx, "count")
				n, _ := strconv.Atoi(string(s.Value))
				if err == nil {
					err = desk.RewriteSheet(h.ctx, "count", s.Value, strconv.AppendInt(nil, int64(n+1), 10))
				}
				switch {
				case err == nil:
					done++
				case !errors.Is(err, queue.ErrChanged):
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if s, err := desk.Sheet(h.ctx, "count"); err != nil || string(s.Value) != strconv.Itoa(writers*each) {
		t.Errorf("%s of %d, %v", s.Value, writers*each, err)
	}
}

func TestTurns(t *testing.T) {
	onEach(t, testTurns)
}

func testTurns(t *testing.T, h *harness) {
	desk := h.c.Desk()
	for i, want := range []bool{true, false, false} {
		if mine, err := desk.Turn(h.ctx, "scan", time.Hour); err != nil || mine != want {
			t.Errorf("turn %d: %v, %v", i, mine, err)
		}
	}
	if mine, err := desk.Turn(h.ctx, "other", time.Hour); err != nil || !mine {
		t.Errorf("another turn: %v, %v", mine, err)
	}
	if _, err := desk.Turn(h.ctx, "scan", 0); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("a turn of nothing: %v", err)
	}
}

func TestTurnEndsByItself(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.URL(t), queue.Config{})
	if mine, err := h.c.Desk().Turn(h.ctx, "scan", time.Millisecond); err != nil || !mine {
		t.Fatal(mine, err)
	}
	redistest.Eventually(t, time.Minute, func() bool {
		mine, err := h.c.Desk().Turn(h.ctx, "scan", time.Hour)
		return err == nil && mine
	})
}

func TestSheetRefusals(t *testing.T) {
	t.Parallel()
	h := open(t, redistest.URL(t), queue.Config{})
	desk := h.c.Desk()
	_, reading := desk.Sheet(h.ctx, "a:b")
	_, turning := desk.Turn(h.ctx, "", time.Second)
	for what, err := range map[string]error{
		"a name with a colon": reading, "no name": turning,
		"a bad name": desk.RewriteSheet(h.ctx, "a b", nil, nil),
		"too large":  desk.RewriteSheet(h.ctx, "a", nil, make([]byte, queue.MaxSheetBytes+1)),
	} {
		if !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
