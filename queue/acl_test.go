package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// roleFlows do all that a role may do, on the queue of everyState and more. Their errors are collected.
var roleFlows = map[queue.Role]func(h *harness) error{
	queue.RoleProducer:  (*harness).produceAll,
	queue.RoleWorker:    (*harness).workAll,
	queue.RoleDashboard: func(h *harness) error { return errors.Join(h.readAll(), h.deskAll()) },
	queue.RoleOperator:  (*harness).operateAll,
}

// Each role's rules are enough for all that it does, and with any one command less something is refused:
// at the start, by name, and otherwise in the middle of the work.
func TestACL(t *testing.T) {
	t.Parallel()
	for _, role := range queue.Roles() {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			server := redistest.StartTCP(t)
			p := &aclPlace{t: t, role: role, addr: server.Addr(), admin: server.Client()}
			if _, err := p.open(nil, false); err != nil {
				t.Errorf("refused at start with all rules: %v", err)
			}
			if denied, err := p.flow(nil); err != nil || len(denied) > 0 {
				t.Fatalf("with all rules: %v, denied %v", err, denied)
			}
			for _, name := range queue.Commands(role) {
				denied, err := p.flow([]string{"-" + name})
				if !slices.Contains(denied, name) {
					t.Errorf("nothing misses %s (denied %v, %v)", name, denied, err)
				}
			}
			if _, err := p.open([]string{"resetkeys", "~other:*"}, false); !errors.Is(err, queue.ErrUnfit) {
				t.Errorf("in another's namespace: %v", err)
			}
			if left := p.admin.Keys(t.Context(), "*preflight*").Val(); len(left) > 0 {
				t.Errorf("the start-up checks leave %v", left)
			}
		})
	}
}

// A role's user is not asked for what only another role needs.
func TestRolesAreNotMixed(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	p := &aclPlace{t: t, role: queue.RoleProducer, addr: server.Addr(), admin: server.Client()}
	if _, err := p.open(nil, false); err != nil {
		t.Errorf("a producer: %v", err)
	}
	p.as = queue.RoleWorker
	if _, err := p.open(nil, false); !errors.Is(err, queue.ErrUnfit) || !strings.Contains(err.Error(), "blpop") {
		t.Errorf("a producer's user for a worker: %v", err)
	}
	if _, err := queue.ACL("dueq", []queue.Role{"king"}); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("an unknown role: %v", err)
	}
	if _, err := queue.ACL("a b", queue.Roles()); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("a bad namespace: %v", err)
	}
	rules, _ := queue.ACL("", []queue.Role{queue.RoleDashboard})
	if keys := slices.DeleteFunc(rules, func(rule string) bool { return !strings.Contains(rule, "~") }); !slices.Equal(keys, []string{"%R~dueq:*", "~dueq:desk:*"}) {
		t.Errorf("a dashboard may write to %v", keys)
	}
}

// A dashboard's user is asked for what it may read of queues and write at its desk, each where it is.
func TestDashboardMissesAKeyPattern(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	p := &aclPlace{t: t, role: queue.RoleDashboard, addr: server.Addr(), admin: server.Client()}
	for _, keys := range []string{"~acl:desk:*", "%R~acl:*"} {
		if _, err := p.open([]string{"resetkeys", keys}, false); !errors.Is(err, queue.ErrUnfit) {
			t.Errorf("with %s only: %v", keys, err)
		}
	}
}

// aclPlace is a server on which users of a role come and go.
type aclPlace struct {
	t        *testing.T
	role, as queue.Role
	addr     string
	admin    *redis.Client
	users    int
}

// open makes a user with the role's rules and those further ones, and a client of it.
func (p *aclPlace) open(further []string, anyway bool) (*queue.Client, error) {
	p.t.Helper()
	p.users++
	rules, err := queue.ACL("acl", []queue.Role{p.role})
	if err != nil {
		p.t.Fatal(err)
	}
	user := fmt.Sprintf("u%d", p.users)
	words := []any{"ACL", "SETUSER", user, "on", ">pw"}
	for _, rule := range slices.Concat(rules, further) {
		words = append(words, rule)
	}
	if err := p.admin.Do(p.t.Context(), words...).Err(); err != nil {
		p.t.Fatal(err)
	}
	cfg := queue.Config{Namespace: "acl", Roles: []queue.Role{p.role}, AcceptDataLoss: anyway, Retries: -1, Logger: slog.New(slog.DiscardHandler)}
	if p.as != "" {
		cfg.Roles = []queue.Role{p.as}
	}
	c, err := cfg.Open(p.t.Context(), "redis://"+user+":pw@"+p.addr)
	if err == nil {
		p.t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// flow runs the role's flow under its rules and the further ones, and returns the commands that Redis denied.
func (p *aclPlace) flow(further []string) (denied []string, err error) {
	p.t.Helper()
	ctx := p.t.Context()
	for _, reset := range [][]any{{"FLUSHALL"}, {"SCRIPT", "FLUSH"}, {"ACL", "LOG", "RESET"}} {
		if err := p.admin.Do(ctx, reset...).Err(); err != nil {
			p.t.Fatal(err)
		}
	}
	p.prepare()
	if len(further) > 0 {
		if _, err := p.open(further, false); err == nil {
			p.t.Errorf("%v: not refused at start", further)
		}
	}
	c, err := p.open(further, true)
	if err == nil {
		err = roleFlows[p.role](&harness{t: p.t, ctx: ctx, c: c, b: c.Broker(), in: c.Inspector()})
	}
	log, logErr := p.admin.Do(ctx, "ACL", "LOG", "100").Slice()
	if logErr != nil {
		p.t.Fatal(logErr)
	}
	for _, entry := range log {
		fields, _ := entry.(map[any]any) // RESP3
		denied = append(denied, fmt.Sprint(fields["object"]))
	}
	return denied, err
}

// prepare makes a job in every state, by a client that may do all.
func (p *aclPlace) prepare() {
	p.t.Helper()
	h := open(p.t, "redis://"+p.addr, queue.Config{Namespace: "acl"})
	h.everyState()
	h.enqueue(queue.Job{ID: "other", Delay: time.Hour})
	h.enqueue(queue.Job{ID: "late", Delay: time.Millisecond})
	redistest.Eventually(p.t, leaseTime, func() bool { return h.info().Overdue > 0 })
	h.ok(h.in.SetMaxLen(h.ctx, sms, 1000))
	h.ok(h.rdb.SAdd(h.ctx, "acl:queues", "odd", "empty").Err())
	h.ok(h.rdb.Set(h.ctx, "acl:{odd}:marks", "foreign", 0).Err())
	h.ok(h.rdb.HSet(h.ctx, "acl:{unnamed}:stats", "enqueue", 1).Err())
	p.t.Cleanup(h.b.JoinWorker("seen", func() queue.WorkerReport { return queue.WorkerReport{} }, func(queue.WorkerState) {}))
	h.ok(queue.Beat(h.c))
	h.ok(h.rdb.ZAdd(h.ctx, queue.FleetKey(h.c), redis.Z{Member: "gone"}).Err())
}

func (h *harness) produceAll() error {
	_, many := h.c.EnqueueMany(h.ctx, []queue.Job{
		withDefaults(queue.Job{}), withDefaults(queue.Job{Queue: "new", Priority: queue.High}),
		withDefaults(queue.Job{ID: "ready", IfExists: queue.Replace, Delay: time.Hour}),
		withDefaults(queue.Job{ID: "delayed", IfExists: queue.Replace, Unique: queue.Unique{Key: "k"}}),
	})
	return errors.Join(
		many, h.c.Reschedule(h.ctx, sms, "other", time.Minute), h.c.Cancel(h.ctx, sms, "dead"), h.c.Ping(h.ctx),
		queue.Beat(h.c), h.c.Close(),
	)
}

func (h *harness) workAll() error {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	note(h.c.Ping(h.ctx))
	_, err := h.b.Queues(h.ctx)
	note(err)
	_, err = h.b.AnyReady(h.ctx, []string{sms})
	note(err)
	note(h.b.WakeReady(h.ctx, sms))
	_, err = h.b.WaitReady(h.ctx, []string{sms}, time.Second)
	note(err)
	_, err = h.b.Promote(h.ctx, sms, 10)
	note(err)
	ds, _, err := h.b.Lease(h.ctx, sms, 10, leaseTime)
	note(err)
	if len(ds) < 3 {
		return errors.Join(append(errs, fmt.Errorf("leased %v", idsOf(ds)))...)
	}
	_, err = h.b.Extend(h.ctx, ds, leaseTime)
	note(err)
	note(h.b.Retry(h.ctx, ds[0], time.Hour, errOops))
	note(h.b.Release(h.ctx, ds[1]))
	ds[2].Mark("mark", time.Minute)
	note(h.b.Ack(h.ctx, ds[2]))
	_, err = h.b.Marked(h.ctx, sms, "mark")
	note(err)
	for _, end := range []func(context.Context, *queue.Delivery) error{
		func(ctx context.Context, d *queue.Delivery) error { return h.b.Snooze(ctx, d, time.Hour) },
		func(ctx context.Context, d *queue.Delivery) error {
			return h.b.Bury(ctx, d, queue.ReasonRejected, errOops)
		},
	} {
		ds, _, err := h.b.Lease(h.ctx, sms, 1, leaseTime)
		note(err)
		for _, d := range ds {
			note(end(h.ctx, d))
		}
	}
	_, err = h.b.Reap(h.ctx, sms, queue.ReapConfig{})
	note(err)
	_, err = h.b.Purge(h.ctx, sms, queue.PurgeConfig{DeadKeep: 1})
	note(err)
	leave := h.b.JoinScheduler(func() queue.SchedulerReport { return queue.SchedulerReport{} })
	note(queue.Beat(h.c))
	leave()
	return errors.Join(errs...)
}

func (h *harness) readAll() error {
	_, err := h.in.Queue(h.ctx, sms)
	_, err2 := h.b.Queues(h.ctx)
	errs := []error{err, err2, h.c.Ping(h.ctx)}
	for _, state := range append(queue.States(), "") {
		_, err := h.in.Jobs(h.ctx, sms, queue.Query{State: state})
		errs = append(errs, err)
	}
	_, err = h.b.Marked(h.ctx, sms, "mark")
	_, err2 = h.in.Fleet(h.ctx)
	_, err3 := h.in.Horizons(h.ctx, []time.Duration{time.Minute})
	_, err4 := h.in.Series(h.ctx, sms, time.Now().Add(-time.Hour), time.Now(), 0)
	_, err5 := h.in.Activity(h.ctx, time.Minute)
	_, err6 := h.in.Recent(h.ctx, sms, 10)
	return errors.Join(append(errs, err, err2, err3, err4, err5, err6)...)
}

func (h *harness) deskAll() error {
	desk := h.c.Desk()
	errs := []error{
		desk.StartSession(h.ctx, "one", []byte("x"), time.Hour), desk.RenewSession(h.ctx, "one", time.Hour),
		desk.Note(h.ctx, queue.JournalEntry{Action: "look"}),
	}
	_, err := desk.Sessions(h.ctx)
	_, err2 := desk.Journal(h.ctx, "", 1)
	_, err3 := desk.Session(h.ctx, "one")
	_, err4 := desk.Sheet(h.ctx, "sheet")
	_, err5 := desk.Turn(h.ctx, "sheet", time.Hour)
	errs = append(errs, err, err2, err3, err4, err5, desk.RewriteSheet(h.ctx, "sheet", nil, []byte("x")))
	return errors.Join(append(errs, desk.EndSession(h.ctx, "one"))...)
}

func (h *harness) operateAll() error {
	errs := []error{h.readAll(), h.c.Desk().RewriteSheet(h.ctx, "sheet", nil, []byte("x"))}
	note := func(err error) { errs = append(errs, err) }
	workers, err := h.in.Workers(h.ctx)
	note(err)
	for _, w := range workers {
		note(h.in.QuietWorker(h.ctx, w.ID))
	}
	if err := h.c.Desk().RewriteSheet(h.ctx, "sheet", []byte("another"), []byte("y")); !errors.Is(err, queue.ErrChanged) {
		note(fmt.Errorf("rewrite what was changed: %w", err))
	}
	note(h.in.Pause(h.ctx, sms))
	note(h.in.Resume(h.ctx, sms))
	note(h.in.Requeue(h.ctx, sms, "dead"))
	note(h.c.Cancel(h.ctx, sms, "ready"))
	note(h.c.Reschedule(h.ctx, sms, "other", time.Minute))
	_, err = h.b.Purge(h.ctx, sms, queue.PurgeConfig{})
	note(err)
	for _, name := range []string{sms, "odd"} {
		_, err = h.in.Audit(h.ctx, name, queue.AuditConfig{Repair: true})
		note(err)
	}
	_, err = h.in.AuditNames(h.ctx, true)
	note(err)
	if _, err := h.in.DeleteQueue(h.ctx, sms, false); !errors.Is(err, queue.ErrNotEmpty) {
		note(fmt.Errorf("delete a queue that has jobs: %w", err))
	}
	_, err = h.in.DeleteQueue(h.ctx, sms, true)
	note(err)
	return errors.Join(errs...)
}
