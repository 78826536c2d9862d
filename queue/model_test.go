package queue

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestModel runs random sequences of verbs against a queue and against a plain model of it, and compares
// every answer and, after every step, every key. More: go test -run TestModel -rapid.checks=10000.
func TestModel(t *testing.T) {
	// A failure names its seed; a file of it in the folder would only be committed by mistake.
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	for name, start := range rigs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			run := 0
			rapid.Check(t, func(rt *rapid.T) {
				run++
				r.flush(rt)
				// A queue of its own: the client remembers which ones it has made known.
				m := &machine{rig: r, model: newModel(r.now), queue: fmt.Sprintf("q%d", run)}
				if err := r.register(context.Background(), r.lineOf(m.queue)); err != nil {
					rt.Fatal(err)
				}
				m.enqueueBatch(rt)
				m.leaseAll(rt)
				rt.Repeat(m.actions())
			})
		})
	}
}

// machine drives a queue and its model side by side.
type machine struct {
	*rig
	model *model
	queue string
	// deliveries are those handed out, most of them stale; lastToken is the token of the last.
	deliveries []*Delivery
	lastToken  int64
	last       *step
}

// step is one call that can be made again.
type step struct {
	name string
	// call makes it, want carries it out in the model; both say what it answered.
	call, want func(*rapid.T) string
	// repeats is false where the same call again is another deed: the next jobs to lease, a second
	// Replace.
	repeats bool
}

func (m *machine) do(t *rapid.T, s step) {
	got := s.call(t)
	if want := s.want(t); got != want {
		t.Fatalf("%s\n\tgot  %s\n\twant %s", s.name, got, want)
	}
	m.last = &s
}

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":              m.check,
		"enqueue":       m.enqueue,
		"enqueue batch": m.enqueueBatch,
		"enqueue more":  m.enqueueBatch,
		"promote":       m.promote,
		"promote all":   m.promoteAll,
		"lease":         m.lease,
		"lease all":     m.leaseAll,
		"settle":        m.settle,
		"settle again":  m.settle,
		"settle batch":  m.settleBatch,
		"settle more":   m.settleBatch,
		"extend":        m.extend,
		"begin":         m.begin,
		"limit":         m.limit,
		"reap":          m.reap,
		"reap on time":  m.reapOnTime,
		"cancel":        m.cancel,
		"reschedule":    m.reschedule,
		"requeue":       m.requeue,
		"purge":         m.purge,
		"delete":        m.deleteQueue,
		"switch":        m.turn,
		"advance":       m.pass,
		"advance to":    m.passTo,
		"flush scripts": m.flushScripts,
		"replay":        m.replay,
		"take hint":     m.takeHint,
		"inspect":       m.inspect,
	}
}

func (m *machine) keyspace(t *rapid.T) *keyspace {
	ks, err := readKeyspace(context.Background(), m.Client, m.lineOf(m.queue).shard)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// check compares the whole shard with the model, and holds both to what must be true of any shard.
func (m *machine) check(t *rapid.T) {
	ks := m.keyspace(t)
	lines := ks.lines()
	delete(lines, "series") // read below
	if d := difference(lines, m.model.lines()); d != "" {
		t.Fatalf("the shard is not what the model says:\n%s", d)
	}
	if found := m.model.history.faults(m.readSeries(t, m.queue), m.now); len(found) > 0 {
		t.Fatalf("counts by time: %s", strings.Join(found, "\n"))
	}
	if found := ks.disorder(m.Client, m.now); len(found) > 0 {
		t.Fatalf("disorder:\n\t%s", strings.Join(found, "\n\t"))
	}
	model, stats := m.model, m.model.stats
	ended := stats["ack"] - model.kept + stats["drop"] + stats["cancel"] + stats["purge_dead"] + stats["purge_done"]
	if stats["enqueue"]-model.replaced != int64(len(model.jobs))+ended {
		t.Fatalf("%d enqueued, %d of them replaced, but %d there and %d ended", stats["enqueue"], model.replaced, len(model.jobs), ended)
	}
	waiting := len(model.ready["high"]) + len(model.ready["ready"]) + len(model.ready["low"])
	if waiting > 0 && model.hints["wake"] == 0 && !model.handling["wake"] {
		t.Fatal("jobs are ready and nothing tells a worker")
	}
	if due := max(model.head("delayed", "retry"), model.now); due < model.wakes && model.hints["tick"] == 0 && !model.handling["tick"] {
		t.Fatalf("a job is due %d ms before the mover looks again, and nothing tells it", model.wakes-due)
	}
}

// replay makes the last call again, as a caller does whose connection failed before the answer came.
func (m *machine) replay(t *rapid.T) {
	if m.last == nil {
		t.Skip("no call yet")
	}
	s := *m.last
	before := m.keyspace(t).lines()
	m.do(t, s)
	if d := difference(m.keyspace(t).lines(), before); s.repeats && d != "" {
		t.Fatalf("%s, made again, changed something:\n%s", s.name, d)
	}
}

func (m *machine) flushScripts(t *rapid.T) {
	if m.embedded != nil {
		t.Skip("the embedded server has no SCRIPT FLUSH of its own")
	}
	if err := m.rdb.ScriptFlush(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) pass(t *rapid.T) {
	m.move(rapid.SampledFrom([]time.Duration{
		time.Millisecond, time.Second, 3 * time.Second, 30 * time.Second, time.Minute, time.Hour,
	}).Draw(t, "by"))
}

// reapOnTime reaps as a scheduler does that is never away: before leases run out, and just then.
func (m *machine) reapOnTime(t *rapid.T) {
	m.reap(t)
	left := m.model.head("leased") - m.model.now
	if left > 10_000 { // ms; then it would have to look once more before
		return
	}
	m.move(time.Duration(max(0, left-rapid.Int64Range(0, 1).Draw(t, "before"))) * time.Millisecond)
	m.reap(t)
}

// passTo moves time to the very ms at which something happens, or to the one before.
func (m *machine) passTo(t *rapid.T) {
	next := m.model.head("delayed", "retry", "leased", "done")
	for _, l := range m.model.locks {
		if l.until > m.model.now {
			next = min(next, l.until)
		}
	}
	if next == math.MaxInt64 || next <= m.model.now+1 {
		t.Skip("nothing is ahead")
	}
	m.move(time.Duration(next-m.model.now-rapid.Int64Range(0, 1).Draw(t, "before")) * time.Millisecond)
}

func (m *machine) move(d time.Duration) {
	m.advance(d)
	m.model.now = m.now.UnixMilli()
}

// limit sets how many jobs the queue takes.
func (m *machine) limit(t *rapid.T) {
	m.model.named = true
	m.model.maxLen = rapid.SampledFrom([]int{0, 0, 2, 4}).Draw(t, "length")
	if err := m.in.SetMaxLen(context.Background(), m.queue, int64(m.model.maxLen)); err != nil {
		t.Fatal(err)
	}
}

// turn pauses the queue or closes its intake, or ends that.
func (m *machine) turn(t *rapid.T) {
	ctx, model := context.Background(), m.model
	model.named = true
	var err error
	switch rapid.SampledFrom([]string{"pause", "resume", "close", "open"}).Draw(t, "what") {
	case "pause":
		model.paused = true
		err = m.in.Pause(ctx, m.queue)
	case "resume":
		model.paused = false
		model.signal("wake")
		err = m.in.Resume(ctx, m.queue)
	case "close":
		model.closed = true
		err = m.in.CloseIntake(ctx, m.queue)
	case "open":
		model.closed = false
		err = m.in.OpenIntake(ctx, m.queue)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// takeHint takes a hint as a worker or the mover does, which owes its verb then.
func (m *machine) takeHint(t *rapid.T) {
	hint := rapid.SampledFrom(hintNames).Draw(t, "hint")
	if m.model.hints[hint] == 0 {
		t.Skip("would wait")
	}
	m.model.hints[hint]--
	m.model.handling[hint] = true
	wait := map[string]func(context.Context, []string, time.Duration) (string, error){"wake": m.b.WaitReady, "tick": m.b.WaitTick}[hint]
	if got, err := wait(context.Background(), []string{m.queue}, time.Second); err != nil || got != m.queue {
		t.Fatalf("%s: %q, %v", hint, got, err)
	}
}

// inspect compares what operators are shown.
func (m *machine) inspect(t *rapid.T) {
	got, err := m.in.Queue(context.Background(), m.queue)
	if err != nil {
		t.Fatal(err)
	}
	depth := map[string]int64{}
	for _, j := range m.model.jobs {
		depth[j.at]++
	}
	for state, name := range map[State]string{
		Delayed: "delayed", Ready: "ready", Leased: "leased", Retrying: "retry", Dead: "dead", Done: "done",
	} {
		if got.State(state) != depth[name] {
			t.Fatalf("%s shown as %d, are %d", state, got.State(state), depth[name])
		}
	}
	if got.Paused != m.model.paused || got.Closed != m.model.closed || got.MaxLen != int64(m.model.maxLen) {
		t.Fatalf("shown as %+v", got)
	}
	for id, j := range m.model.jobs {
		info, err := m.in.Job(context.Background(), m.queue, id)
		if err != nil || stateSets[info.State] != j.at && (info.State != Ready || j.at != "ready") || info.Token != j.token || info.Cancelled != j.cancelled {
			t.Fatalf("job %s in %s shown as %+v, %v", id, j.at, info, err)
		}
	}
}

// verdicts says what errors answered, by our own sentinels.
func verdicts(all ...error) string {
	out := make([]string, len(all))
	for i, err := range all {
		out[i] = "ok"
		for _, known := range []error{
			ErrConflict, ErrDuplicate, ErrQueueFull, ErrIntakeClosed, ErrPaused, ErrNotFound, ErrRunning, ErrEnded,
			ErrAlreadyDue, ErrNotEnded, ErrLeaseLost, ErrCancelled, ErrNotEmpty, ErrUnknownQueue,
		} {
			if errors.Is(err, known) {
				out[i] = known.Error()
			}
		}
		if err != nil && out[i] == "ok" {
			out[i] = "unexpected: " + err.Error()
		}
	}
	return strings.Join(out, " | ")
}
