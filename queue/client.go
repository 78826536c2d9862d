package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/outage"
	"github.com/dueq-io/dueq/internal/testhook"
)

// Client hands jobs in. It is made by Open or New, is safe for concurrent use, and gives access to the
// Broker and the Inspector of the same namespace.
type Client struct {
	rdb redis.UniversalClient
	cfg Config
	// owned says that Close closes rdb; embedded is the server of memory://.
	owned    bool
	embedded *memoryServer

	lines  sync.Map // queue name -> *line
	member *membership
	outage outage.Log
	// shiftMS moves the time that scripts read. Only tests can set it.
	shiftMS atomic.Int64
}

// line is what a client keeps for one shard of a queue: its keys and its group commits.
type line struct {
	shard      *shard
	registered atomic.Bool
	enqueue    group
	settle     map[*script]*group
	// records is how many records Broker.Lease reads at once; see part.
	records atomic.Int64
	// enqueued and rejected are what this client has done, in jobs.
	enqueued, rejected atomic.Int64
}

// lineOf returns the line of a queue, which must be a valid name.
func (c *Client) lineOf(queue string) *line {
	if l, ok := c.lines.Load(queue); ok {
		return l.(*line)
	}
	s := newShard(c.cfg.Namespace, queue, 0)
	l := &line{shard: s, settle: map[*script]*group{}}
	l.enqueue = group{client: c, shard: s, script: enqueueScript, width: 3, flights: 2}
	for _, sc := range []*script{ackScript, retryScript, snoozeScript, releaseScript, buryScript, cancelScript, rescheduleScript, requeueScript} {
		l.settle[sc] = &group{client: c, shard: s, script: sc, width: 2, flights: 1}
	}
	kept, _ := c.lines.LoadOrStore(queue, l)
	return kept.(*line)
}

// register makes the queue known to Broker.Queues before its first job is there.
func (c *Client) register(ctx context.Context, l *line) error {
	if l.registered.Load() {
		return nil
	}
	var added int64
	err := c.retrying(ctx, func() (err error) {
		added, err = c.rdb.SAdd(ctx, queuesKey(c.cfg.Namespace), l.shard.queue).Result()
		return err
	})
	if err == nil && added > 0 {
		// The hint spares the scheduler's next look; it is not worth refusing a job for.
		_ = c.Broker().WakeTick(ctx, NewQueue)
	}
	if errors.Is(err, ErrUnknown) {
		// Of the name only: no job was sent yet.
		return fmt.Errorf("register queue %s: %w: %s", l.shard.queue, ErrUnavailable, err.Error())
	}
	if err != nil {
		return fmt.Errorf("register queue %s: %w", l.shard.queue, err)
	}
	l.registered.Store(true)
	return nil
}

// registerAgain follows a shard's first job ever. Where it is not the first that this client knows of,
// Redis has lost everything, the names of the queues too.
func (c *Client) registerAgain(ctx context.Context, s *shard) error {
	l := c.lineOf(s.queue)
	l.registered.Store(false)
	if err := c.register(ctx, l); err != nil {
		return fmt.Errorf("%w: the job is there, but %s", ErrUnknown, err.Error())
	}
	return nil
}

// retrying repeats a plain command as run repeats a script.
func (c *Client) retrying(ctx context.Context, command func() error) error {
	for attempt := 0; ; attempt++ {
		err := command()
		if err == nil {
			return nil
		}
		again, err := classify(err)
		if !again || attempt >= c.cfg.Retries || !sleep(ctx, retryPause(attempt)) {
			return err
		}
	}
}

// shift is the first ARGV of every script.
func (c *Client) shift() any {
	if ms := c.shiftMS.Load(); ms != 0 {
		return ms
	}
	return "0"
}

// Enqueue hands a job in and returns its ID once Redis has confirmed it to the client's Durability.
//
// It returns ErrInvalid or ErrTooLarge for a job that is not well-formed; ErrConflict, ErrRunning,
// ErrDuplicate, ErrQueueFull and ErrIntakeClosed where the queue refuses it; ErrRedisFull,
// ErrUnavailable or ErrWrongType where Redis does, the job not being enqueued; ErrUnconfirmed where it
// is enqueued but not confirmed; and ErrUnknown where the connection failed meanwhile. The ID is
// returned with the last two: repeating the call with it is safe.
func (c *Client) Enqueue(ctx context.Context, job Job) (string, error) {
	e, err := c.prepare(&job)
	if err != nil {
		return "", err
	}
	l := c.lineOf(job.Queue)
	if err := c.register(ctx, l); err != nil {
		return "", err
	}
	done, err := l.enqueue.do(ctx, e)
	if done {
		err = outcome(&job, e, err)
		e.free()
	}
	l.note(err)
	c.member.produce()
	r := result(&job, err)
	return r.ID, r.Err
}

// note counts the outcome of one job.
func (l *line) note(err error) {
	if err == nil || errors.Is(err, ErrUnconfirmed) {
		l.enqueued.Add(1)
	} else {
		l.rejected.Add(1)
	}
}

// Result is the outcome of one job of EnqueueMany, as Enqueue would have returned it.
type Result struct {
	ID  string
	Err error
}

// result names the ID of a job that is, or may be, in the queue.
func result(j *Job, err error) Result {
	if err == nil || errors.Is(err, ErrUnknown) || errors.Is(err, ErrUnconfirmed) {
		return Result{ID: j.ID, Err: err}
	}
	return Result{Err: err}
}

// EnqueueMany hands jobs in, to any queues, in batches of at most 500 jobs or 1 MiB. Each job is judged
// on its own: the results are in the order of jobs. The error says how many failed, and is nil when
// none did; errors.Is finds the causes in it.
func (c *Client) EnqueueMany(ctx context.Context, jobs []Job) ([]Result, error) {
	results := make([]Result, len(jobs))
	entries := make([]*entry, len(jobs))
	prepared := make([]Job, len(jobs))
	byLine := map[*line][]*entry{}
	for i := range jobs {
		prepared[i] = jobs[i]
		e, err := c.prepare(&prepared[i])
		if err != nil {
			results[i].Err = err
			continue
		}
		entries[i] = e
		l := c.lineOf(jobs[i].Queue)
		byLine[l] = append(byLine[l], e)
	}
	for l, batch := range byLine {
		if err := c.register(ctx, l); err != nil {
			for _, e := range batch {
				e.err = err
			}
			continue
		}
		l.enqueue.sendAll(ctx, batch)
	}
	for i, e := range entries {
		if e != nil {
			err := outcome(&prepared[i], e, e.err)
			results[i] = result(&prepared[i], err)
			c.lineOf(prepared[i].Queue).note(err)
			e.free()
		}
	}
	if len(byLine) > 0 {
		c.member.produce()
	}
	return results, joinResults(results)
}

// joinResults sums up the failures of a batch; of many, the first few are named.
func joinResults(results []Result) error {
	const named = 3
	var errs []error
	failed := 0
	for i, r := range results {
		if r.Err == nil {
			continue
		}
		failed++
		if failed <= named {
			errs = append(errs, fmt.Errorf("job %d: %w", i, r.Err))
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d jobs were not enqueued: %w", failed, len(results), errors.Join(errs...))
}

// prepare checks a job, fills in its defaults and builds its part of the script call.
func (c *Client) prepare(j *Job) (*entry, error) {
	now := time.Now()
	if err := c.cfg.check(j, now); err != nil {
		return nil, err
	}
	switch {
	case j.ID == "":
		j.ID = newID()
	case j.Retain == 0:
		j.Retain = defaultIDRetain
	}
	e := newEntry(j.ID, "")
	e.record = encodeEnvelope(e.record, j, now)
	e.args = append(e.args, e.record)
	e.spec = spec(j)
	e.size += len(e.record) + len(e.spec)
	if j.IfExists == Replace {
		e.replaces = j.ID
	}
	return e, nil
}

// spec says when a job is due and what is special about it; lua/with/admit.lua describes it.
func spec(j *Job) string {
	if j.Due.IsZero() && j.Delay == 0 && j.IfExists == Keep && j.Priority == Normal && j.Unique.Key == "" {
		return ""
	}
	replace, rank, scope, window := "-", "n", "-", ""
	if j.IfExists == Replace {
		replace = "r"
	}
	if j.Priority != Normal {
		rank = map[Priority]string{High: "h", Low: "l"}[j.Priority]
	}
	if j.Unique.Key != "" {
		scope = scopeLetters[j.Unique.Scope]
		if j.Unique.Scope == ForWindow {
			window = strconv.FormatInt(ceilMS(j.Unique.Window), 10)
		}
	}
	return when(j.Due, j.Delay) + " " + replace + rank + scope + window + " " + j.Unique.Key
}

// scopeLetters are how scripts name the scope of a unique lock.
var scopeLetters = map[UniqueScope]string{UntilDone: "d", UntilStarted: "s", ForWindow: "w"}

// when is a due time as scripts take it: a delay in ms, or @ and an absolute time. Neither is ever
// rounded down.
func when(due time.Time, delay time.Duration) string {
	if due.IsZero() {
		return strconv.FormatInt(ceilMS(delay), 10)
	}
	ms := due.UnixMilli()
	if due.After(time.UnixMilli(ms)) {
		ms++
	}
	return "@" + strconv.FormatInt(ms, 10)
}

func ceilMS(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// outcome is what Enqueue returns for what the script answered.
func outcome(j *Job, e *entry, err error) error {
	switch e.code {
	case "EXISTS":
		there, damage := decodeEnvelope(j.ID, []byte(e.detail))
		if damage == nil && there.job.Kind == j.Kind && bytes.Equal(there.job.Payload, j.Payload) {
			return e.unconfirmed
		}
		return fmt.Errorf("enqueue %s: %w", j.ID, ErrConflict)
	case "DUPLICATE":
		return &DuplicateError{Key: j.Unique.Key, Holder: e.detail}
	}
	if err != nil {
		return fmt.Errorf("enqueue to %s: %w", j.Queue, err)
	}
	return nil
}

// Cancel ends a job. One that waits or is dead is gone when Cancel returns nil. One that runs answers
// ErrRunning: it is flagged, its handler's context ends with ErrCancelled at the next heartbeat, and it
// is gone when its handler returns. ErrNotFound and ErrEnded say that there was nothing to cancel.
func (c *Client) Cancel(ctx context.Context, queue, id string) error {
	return c.act(ctx, cancelScript, queue, id, anywhere)
}

// Reschedule makes a job that waits due after delay from now, 0 to Config.MaxDelay. It returns
// ErrNotFound, ErrRunning, ErrEnded, or ErrAlreadyDue for a job whose time has come.
func (c *Client) Reschedule(ctx context.Context, queue, id string, delay time.Duration) error {
	if err := c.cfg.checkDelay("delay", delay); err != nil {
		return err
	}
	return c.act(ctx, rescheduleScript, queue, id, when(time.Time{}, delay), anywhere)
}

// RescheduleAt makes a job that waits due at a moment. Its errors are those of Reschedule.
func (c *Client) RescheduleAt(ctx context.Context, queue, id string, due time.Time) error {
	if err := c.cfg.checkDue(due, time.Now()); err != nil {
		return err
	}
	return c.act(ctx, rescheduleScript, queue, id, when(due, 0), anywhere)
}

// act carries out a verb on one job.
func (c *Client) act(ctx context.Context, sc *script, queue, id string, more ...any) error {
	if err := errors.Join(checkQueue(queue), checkID(id)); err != nil {
		return err
	}
	return c.lineOf(queue).settle[sc].carryOut(ctx, newEntry(id, "", more...))
}

// Broker returns the verbs of workers and schedulers.
func (c *Client) Broker() *Broker { return &Broker{c: c} }

// OutageDue says whether a loop that found Redis away is to log it: one of all loops on a client does, every
// 5 s. It takes the turn.
func (b *Broker) OutageDue() bool { return b.c.outage.OutageDue() }

// Inspector returns what operators read and do.
func (c *Client) Inspector() *Inspector { return &Inspector{c: c} }

// Embedded says whether the client was opened with memory://, so that nothing outlives the process.
func (c *Client) Embedded() bool { return c.embedded != nil }

// Namespace returns the first part of the client's keys.
func (c *Client) Namespace() string { return c.cfg.Namespace }

// Ping asks Redis for a sign of life. It returns ErrUnavailable or ErrUnknown.
func (c *Client) Ping(ctx context.Context) error {
	if err := c.rdb.Ping(ctx).Err(); err != nil {
		_, err := classify(err)
		return err
	}
	return nil
}

// Close ends the connections that Open made and the embedded server, and lets Inspector.Fleet forget the
// program, for which it waits at most a second. A client made by New keeps the connections of its go-redis
// client, and is to be closed before it.
func (c *Client) Close() error {
	c.member.close()
	var err error
	if c.owned {
		err = c.rdb.Close()
	}
	if c.embedded != nil {
		c.embedded.close()
	}
	return err
}

// Tests reach the shift of time through a package that programs cannot import.
var _ = func() bool {
	testhook.ShiftTime = func(client any, d time.Duration) {
		client.(*Client).shiftMS.Add(d.Milliseconds())
	}
	return true
}()
