package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Broker is the verbs of a job's life after it was enqueued, for building workers and schedulers;
// applications use Client and Inspector. It is safe for concurrent use. What settles a delivery (Ack,
// Retry, Snooze, Release, Bury) is fenced by its token: ErrLeaseLost says that the token is stale and
// nothing was changed, ErrCancelled that the job was cancelled while it ran and is gone now.
type Broker struct{ c *Client }

const (
	// MinLease is the shortest length of a lease.
	MinLease = time.Second
	// MaxLease is the longest.
	MaxLease = time.Hour
	// DefaultLease is the length of a lease that a worker takes unless told otherwise.
	DefaultLease = 30 * time.Second
)

// checkLease returns an ErrInvalid for a length that no lease can have.
func checkLease(lease time.Duration) error {
	if lease >= MinLease && lease <= MaxLease {
		return nil
	}
	return fmt.Errorf("%w: lease %v: want %v to %v", ErrInvalid, lease, MinLease, MaxLease)
}

// Lease takes up to n ready jobs of a queue, 1 to 500, for the length of a lease, in order of priority.
// more says that the queue has further ready jobs. What cannot be read within a third of the lease is given
// back: fewer come where payloads are large and the way is slow. It returns ErrPaused for a paused queue. A
// delivery with Err set could not be decoded and is to be buried. One that is Suspect comes alone.
func (b *Broker) Lease(ctx context.Context, queue string, n int, lease time.Duration) (deliveries []*Delivery, more bool, err error) {
	if err := checkQueue(queue); err != nil {
		return nil, false, err
	}
	if err := checkLease(lease); err != nil {
		return nil, false, err
	}
	if n < 1 || n > maxBatch {
		return nil, false, fmt.Errorf("%w: lease of %d jobs: want 1 to %d", ErrInvalid, n, maxBatch)
	}
	began := time.Now()
	l := b.c.lineOf(queue)
	reply, err := b.c.run(ctx, l.shard, leaseScript, []any{b.c.shift(), n, lease.Milliseconds(), suspectAfter})
	if err != nil {
		return nil, false, err
	}
	deliveries, more, err = parseLease(l.shard, reply, lease)
	if err != nil || len(deliveries) == 0 {
		return nil, more, err
	}
	deliveries, err = b.fetch(ctx, l, deliveries, began.Add(lease/3))
	return deliveries, more, err
}

// leaseHeader is how many words come before the jobs in the reply of lease.
const leaseHeader = 5

// parseLease reads the reply of lease; the records are still to be fetched.
func parseLease(s *shard, reply any, lease time.Duration) ([]*Delivery, bool, error) {
	words, ok := reply.([]any)
	if ok && len(words) == 1 {
		if code, _ := words[0].(string); code != "" {
			return nil, false, fmt.Errorf("lease from %s: %w", s.queue, codeError(code))
		}
	}
	if !ok || len(words) < leaseHeader || words[0] != "OK" {
		return nil, false, fmt.Errorf("lease: unexpected reply %T", reply)
	}
	now, _ := words[1].(int64)
	token, _ := words[2].(int64)
	more, _ := words[3].(int64)
	noted, _ := words[4].([]any)
	entries := words[leaseHeader:]
	block := make([]Delivery, len(entries))
	out := make([]*Delivery, len(entries))
	leasedAt := time.UnixMilli(now)
	for i := range block {
		d := &block[i]
		entry, _ := entries[i].(string)
		id, run := splitEntry(entry)
		d.ID, d.Due, d.Ready = id, run.Due, run.Ready
		d.shard, d.Token = s, token+int64(i)
		d.token = strconv.FormatInt(d.Token, 10)
		d.LeasedAt, d.Deadline = leasedAt, leasedAt.Add(lease)
		if i < len(noted) {
			if entry, ok := noted[i].(string); ok {
				f := parseFaults(entry)
				d.Failures, d.LostLeases, d.Errors, d.LostAt = f.failures, f.lost, f.errors, f.lostAt
			}
		}
		d.Attempt = d.Failures + d.LostLeases + 1
		out[i] = d
	}
	return out, more == 1, nil
}

// timeDigits is the length of a time in ms in an entry of a ready list, which has two before the id: when the
// job was due and when it became ready.
const (
	timeDigits  = 13
	entryDigits = 2 * timeDigits
)

// splitEntry takes an entry of a ready list apart. A time that cannot be read is zero.
func splitEntry(entry string) (id string, run Run) {
	if len(entry) < entryDigits {
		return entry, run
	}
	run.Due, run.Ready = entryTime(entry[:timeDigits]), entryTime(entry[timeDigits:entryDigits])
	return entry[entryDigits:], run
}

// entryTime reads a time in ms of timeDigits, which is one that JSON has, too; any other text is zero.
func entryTime(digits string) time.Time {
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(digits) != timeDigits {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// Extend gives the leases of deliveries their full length again, from now on by Redis's clock. The
// result says for each delivery: nil, ErrLeaseLost, or ErrCancelled for a job whose handler should
// stop. The error is that of a call that failed; some leases may be extended all the same.
func (b *Broker) Extend(ctx context.Context, deliveries []*Delivery, lease time.Duration) ([]error, error) {
	if err := checkLease(lease); err != nil {
		return nil, err
	}
	verdicts := make([]error, len(deliveries))
	positions := map[*shard][]int{}
	for i, d := range deliveries {
		if d.shard == nil {
			return nil, fmt.Errorf("%w: extend of a delivery that Lease did not make", ErrInvalid)
		}
		positions[d.shard] = append(positions[d.shard], i)
	}
	for s, all := range positions {
		for part := range slices.Chunk(all, maxBatch) {
			if err := b.extend(ctx, s, deliveries, part, extension{lease: lease}, verdicts); err != nil {
				return verdicts, err
			}
		}
	}
	return verdicts, nil
}

// Begin is Extend for a Suspect whose handler starts now. A lease that is lost before is not held against the
// job, since something else has ended its worker while it waited to run alone.
func (b *Broker) Begin(ctx context.Context, d *Delivery, lease time.Duration) error {
	if err := checkLease(lease); err != nil {
		return err
	}
	if d.shard == nil {
		return fmt.Errorf("%w: begin of a delivery that Lease did not make", ErrInvalid)
	}
	verdict := make([]error, 1)
	if err := b.extend(ctx, d.shard, []*Delivery{d}, []int{0}, extension{lease, "1"}, verdict); err != nil {
		return err
	}
	return verdict[0]
}

// extension is how a lease is extended: for how long, and "1" where handlers start.
type extension struct {
	lease time.Duration
	begun string
}

func (b *Broker) extend(ctx context.Context, s *shard, all []*Delivery, part []int, e extension, verdicts []error) error {
	args := []any{b.c.shift(), e.lease.Milliseconds(), e.begun}
	batch := make([]*entry, len(part))
	for i, n := range part {
		args = append(args, all[n].ID, all[n].token)
		batch[i] = &entry{}
	}
	reply, err := b.c.run(ctx, s, extendScript, args)
	if err != nil {
		return err
	}
	g := group{script: extendScript, width: 2}
	if err := g.note(batch, reply); err != nil {
		return err
	}
	for i, n := range part {
		verdicts[n] = codeError(batch[i].code)
	}
	return nil
}

// settle carries out a settling verb on one delivery, together with those of other callers.
func (b *Broker) settle(ctx context.Context, sc *script, d *Delivery, spec string, more ...any) error {
	if d.shard == nil {
		return fmt.Errorf("%w: %s of a delivery that Lease did not make", ErrInvalid, sc.verb)
	}
	return b.c.lineOf(d.shard.queue).settle[sc].carryOut(ctx, settling(d, spec, more...))
}

// settling is a delivery's part in a settling call.
func settling(d *Delivery, spec string, more ...any) *entry {
	e := newEntry(d.ID, d.token, more...)
	e.spec = spec
	e.size += len(spec)
	for _, arg := range more {
		if text, ok := arg.(string); ok {
			e.size += len(text)
		}
	}
	return e
}

// Ack says that a job is done. It is gone then, or kept in done for its Retain.
func (b *Broker) Ack(ctx context.Context, d *Delivery) error {
	return b.settle(ctx, ackScript, d, d.keepSpec())
}

// AckThen is Ack for a caller who has other work meanwhile: then is called once, with what Ack would
// have returned. It must not block: further acks wait for it.
func (b *Broker) AckThen(d *Delivery, then func(error)) {
	if d.shard == nil {
		then(fmt.Errorf("%w: ack of a delivery that Lease did not make", ErrInvalid))
		return
	}
	b.c.lineOf(d.shard.queue).settle[ackScript].carryOutThen(settling(d, d.keepSpec()), then)
}

// Retry counts a failure and lets the job run again after delay, 0 or more. cause is kept with the
// job, at most 4 KiB of it.
func (b *Broker) Retry(ctx context.Context, d *Delivery, delay time.Duration, cause error) error {
	if err := b.c.cfg.checkDelay("delay", delay); err != nil {
		return err
	}
	return b.settle(ctx, retryScript, d, "", ceilMS(delay), d.withFailure(cause, time.Now()))
}

// Snooze lets the job run again after delay, 0 or more, with nothing counted against it.
func (b *Broker) Snooze(ctx context.Context, d *Delivery, delay time.Duration) error {
	if err := b.c.cfg.checkDelay("delay", delay); err != nil {
		return err
	}
	return b.settle(ctx, snoozeScript, d, "", ceilMS(delay))
}

// Release gives a job back to the head of its queue, with nothing counted against it.
func (b *Broker) Release(ctx context.Context, d *Delivery) error {
	return b.settle(ctx, releaseScript, d, "", d.Due.UnixMilli())
}

// Bury makes a job dead. A cause, which may be nil, is kept with it and counted as a failure.
func (b *Broker) Bury(ctx context.Context, d *Delivery, reason Reason, cause error) error {
	switch reason {
	case ReasonExhausted, ReasonRejected, ReasonExpired, ReasonDamaged, ReasonCrashLoop:
	default:
		return fmt.Errorf("%w: reason %q", ErrInvalid, reason)
	}
	failed := 0
	if cause != nil && (reason == ReasonExhausted || reason == ReasonRejected) {
		failed = 1
	}
	return b.settle(ctx, buryScript, d, "", failed, string(reason), d.withFailure(cause, time.Now()))
}

// Drop removes a job that expired and was to be dropped; only a count is left of it.
func (b *Broker) Drop(ctx context.Context, d *Delivery) error {
	return b.settle(ctx, buryScript, d, "", 0, string(reasonDropped), "")
}

// Marked says whether a mark that Delivery.Mark left with an acked job of the queue is still kept.
func (b *Broker) Marked(ctx context.Context, queue, mark string) (bool, error) {
	if err := checkQueue(queue); err != nil {
		return false, err
	}
	pipe := b.c.rdb.Pipeline()
	now := pipe.Time(ctx)
	until := pipe.HGet(ctx, b.c.lineOf(queue).shard.keys["marks"], markField(mark))
	if _, err := pipe.Exec(ctx); err != nil && !isNil(err) {
		_, err := classify(err)
		return false, fmt.Errorf("look up mark: %w", err)
	}
	ms, err := until.Int64()
	return err == nil && ms > now.Val().UnixMilli()+b.c.shiftMS.Load(), nil
}
